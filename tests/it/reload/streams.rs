//! Answers without an end in sight, over a reload.

use crate::{
    client::{Raw, service, soon, start},
    made::plugin,
    scripted::scripted,
};
use axum::{
    extract::{WebSocketUpgrade, ws::WebSocket},
    response::sse::{Event as Sse, Sse as Events},
};
use chassis::{Body, Registration, Running, StreamKind, prelude::*, testing::TestChassis};
use futures::{SinkExt as _, StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use std::{convert::Infallible, env, sync::Arc, time::Duration};
use tokio::{net::TcpStream, sync::Notify};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};

/// A plugin with a WebSocket that echoes, events without end, and a body without end.
fn endless(name: &'static str) -> Registration {
    plugin(name, move |cx| {
        cx.get(
            &format!("/{name}/socket"),
            async |upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(async |mut socket: WebSocket| {
                    while let Some(Ok(message)) = socket.recv().await {
                        if socket.send(message).await.is_err() {
                            return;
                        }
                    }
                })
            },
        );
        cx.get(&format!("/{name}/events"), async || {
            let one = stream::once(async { Ok::<_, Infallible>(Sse::default().data("first")) });
            Events::new(one.chain(stream::pending()))
        });
        cx.get(&format!("/{name}/body"), async || {
            let one = stream::once(async { Ok::<_, Infallible>("first") });
            Body::from_stream(one.chain(stream::pending()))
        });
        cx.get(&format!("/{name}/hangs"), async || {
            std::future::pending::<()>().await;
        });
    })
}

async fn open(running: &Running, path: &str) -> WebSocketStream<TcpStream> {
    let address = running.service_address();
    let stream = TcpStream::connect(address).await.unwrap();
    let opening = tokio_tungstenite::client_async(format!("ws://{address}{path}"), stream);
    soon("the upgrade", opening).await.unwrap().0
}

async fn says(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    let answer = soon("the echo", socket.next()).await.unwrap().unwrap();
    assert_eq!(answer, Message::text(text));
}

/// A test run has 200 of them, so that the usual 1,024 descriptors of a process are enough; `cargo xtask soak sockets` 500.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_of_what_goes_on_stay_open() {
    let count = match env::var("CHASSIS_SOAK_SOCKETS") {
        Ok(count) => count.parse().expect("CHASSIS_SOAK_SOCKETS is a number"),
        Err(_) => 200,
    };
    let running = start(service([endless("kept"), scripted("other", &[])])).await;
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(open(&running, "/kept/socket").await);
    }
    for number in 0..100 {
        let reload = running.handle();
        let reloaded = soon("a reload", reload.reload_plugin("other"))
            .await
            .unwrap();
        assert!(
            reloaded.drained && reloaded.streams_cut == 0,
            "{reloaded:?}"
        );
        // In turns, and in the end all of them.
        for socket in sockets.iter_mut().skip(number % 10).step_by(10) {
            says(socket, &number.to_string()).await;
        }
    }
    for socket in &mut sockets {
        says(socket, "all are there").await;
    }
    let generations = running.handle().generations().unwrap();
    // However long ago the first generation went, as long as they are open it is told where they are.
    let first = generations.last().unwrap();
    assert_eq!((first.number, first.streams.len()), (1, count));
    assert_eq!(first.streams[0].kind, StreamKind::Upgraded);
    let alive = generations.iter().filter(|one| one.until.is_none());
    assert_eq!(alive.count(), 1);
    drop(sockets);
    assert!(running.stop().await.is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_of_what_is_built_anew_is_told_why_it_ends() {
    let running = start(service([endless("rebuilt"), endless("kept")])).await;
    let mut kept = open(&running, "/kept/socket").await;
    let mut socket = open(&running, "/rebuilt/socket").await;
    says(&mut socket, "hello").await;
    let handle = running.handle();
    let reload = tokio::spawn(async move { handle.reload_plugin("rebuilt").await });
    let last = soon("the end", socket.next()).await.unwrap().unwrap();
    let Message::Close(Some(frame)) = last else {
        panic!("{last:?}");
    };
    assert_eq!(frame.code, CloseCode::Restart);
    let reloaded = soon("the reload", reload).await.unwrap().unwrap();
    assert!(
        reloaded.drained && reloaded.streams_cut == 0,
        "{reloaded:?}"
    );
    // The same path is served by the new instance, and what went on is as it was.
    says(&mut open(&running, "/rebuilt/socket").await, "again").await;
    says(&mut kept, "still here").await;
    drop(kept);
    assert!(running.stop().await.is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_end_of_the_service_a_socket_is_told_so() {
    let running = start(service([endless("kept")])).await;
    let mut socket = open(&running, "/kept/socket").await;
    says(&mut socket, "hello").await;
    let stop = tokio::spawn(running.stop());
    let last = soon("the end", socket.next()).await.unwrap().unwrap();
    let Message::Close(Some(frame)) = last else {
        panic!("{last:?}");
    };
    assert_eq!(frame.code, CloseCode::Away);
    drop(socket);
    assert!(soon("the stop", stop).await.unwrap().is_graceful());
}

async fn body_of(app: &TestChassis, path: &str) -> Body {
    let request = http::Request::get(path).body(Body::empty()).unwrap();
    let response = app.send_streaming(request).await;
    assert_eq!(response.status(), 200);
    let is_events = path.ends_with("events");
    let kind = response.headers().get(CONTENT_TYPE);
    assert_eq!(
        kind.is_some_and(|kind| kind == "text/event-stream"),
        is_events
    );
    response.into_body()
}

async fn two() -> TestChassis {
    TestChassis::builder()
        .register(endless("kept"))
        .register(endless("rebuilt"))
        .start()
        .await
        .unwrap()
}

async fn next(body: &mut Body) -> Option<Result<String>> {
    use http_body_util::BodyExt as _;
    let frame = tokio::time::timeout(Duration::from_secs(300), body.frame()).await;
    let frame = frame.expect("something comes, or the end")?;
    Some(match frame {
        Ok(frame) => Ok(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()),
        Err(error) => Err(error.into()),
    })
}

#[tokio::test(start_paused = true)]
async fn events_end_in_peace_if_their_plugin_is_built_anew_and_else_go_on() {
    let app = two().await;
    let mut kept = body_of(&app, "/kept/events").await;
    let mut rebuilt = body_of(&app, "/rebuilt/events").await;
    for body in [&mut kept, &mut rebuilt] {
        assert_eq!(next(body).await.unwrap().unwrap(), "data: first\n\n");
    }
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_plugin("rebuilt").await });
    assert!(next(&mut rebuilt).await.is_none(), "it has ended, in peace");
    let reloaded = reload.await.unwrap().unwrap();
    assert!(reloaded.drained && reloaded.streams_cut == 0);
    let streams: Vec<_> = app.handle().generations().unwrap();
    let streams: Vec<_> = streams.iter().flat_map(|one| &one.streams).collect();
    assert_eq!(streams.len(), 1);
    assert_eq!(streams[0].route.as_deref(), Some("GET /kept/events"));
    assert_eq!(
        (streams[0].kind, streams[0].leaving),
        (StreamKind::Events, false)
    );
    // Nothing holds the first generation: what goes on holds its plugin.
    let first = &app.handle().generations().unwrap()[1];
    assert_eq!(
        (first.number, first.state),
        (1, chassis::GenerationState::Gone)
    );
    // And when that is built anew, it ends as well.
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_plugin("kept").await });
    assert!(next(&mut kept).await.is_none());
    assert!(reload.await.unwrap().unwrap().drained);
}

#[tokio::test(start_paused = true)]
async fn a_body_without_end_is_cut_off_when_its_time_is_over() {
    let app = two().await;
    let mut kept = body_of(&app, "/kept/body").await;
    let mut body = body_of(&app, "/rebuilt/body").await;
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "first");
    assert_eq!(next(&mut kept).await.unwrap().unwrap(), "first");
    let since = tokio::time::Instant::now();
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_plugin("rebuilt").await });
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("cut off"), "{error}");
    assert_eq!(since.elapsed().as_secs(), 30, "`reload.drain`");
    let reloaded = reload.await.unwrap().unwrap();
    assert!(!reloaded.drained);
    assert_eq!(reloaded.streams_cut, 1);
    assert!(
        !http_body::Body::is_end_stream(&kept),
        "the other one goes on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_holds_an_old_generation_is_named() {
    let builder = service([endless("rebuilt")]).set("reload.drain", "50ms");
    let running = start(builder.set("shutdown.grace", "50ms")).await;
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send("GET /rebuilt/hangs HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    let holds = |number: u64| {
        let generations = running.handle().generations().unwrap();
        let one = generations.into_iter().find(|one| one.number == number);
        one.unwrap().requests.get("/rebuilt/hangs").copied()
    };
    soon("the request", async {
        while holds(1) != Some(1) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let reloaded = running.handle().reload_all().await.unwrap();
    assert!(!reloaded.drained);
    assert_eq!(holds(1), Some(1), "it is named");
    assert_eq!(holds(2), None);
    let first = running.handle().generations().unwrap()[1].clone();
    assert!(first.until.is_some());
    assert_eq!(first.state, chassis::GenerationState::Overdue);
    running.stop().await;
}

/// It holds the old generation as a request first, and then as a stream its plugin.
#[tokio::test(start_paused = true)]
async fn a_request_that_becomes_a_stream_meanwhile_is_waited_for_too() {
    let (gate, opened) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let late = plugin("late", {
        let (gate, opened) = (Arc::clone(&gate), Arc::clone(&opened));
        move |cx| {
            let (gate, opened) = (Arc::clone(&gate), Arc::clone(&opened));
            cx.get("/late", async move || {
                opened.notify_one();
                gate.notified().await;
                let one = stream::once(async { Ok::<_, Infallible>(Sse::default().data("first")) });
                Events::new(one.chain(stream::pending()))
            });
        }
    });
    let app = TestChassis::builder().register(late).start().await.unwrap();
    let ask = async {
        let request = http::Request::get("/late").body(Body::empty()).unwrap();
        app.send_streaming(request).await.into_body()
    };
    let reload = async {
        opened.notified().await;
        let handle = app.handle().clone();
        let reload = tokio::spawn(async move { handle.reload_plugin("late").await });
        super::until_serving(&app, 2).await;
        gate.notify_one();
        reload.await.unwrap().unwrap()
    };
    let (mut body, reloaded) = tokio::join!(
        async {
            let mut body = ask.await;
            // Told to end at once: what it would have said first it may have said.
            while let Some(said) = next(&mut body).await {
                assert_eq!(said.unwrap(), "data: first\n\n");
            }
            body
        },
        reload
    );
    assert!(
        reloaded.drained && reloaded.streams_cut == 0,
        "{reloaded:?}"
    );
    assert!(next(&mut body).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_becomes_a_stream_of_a_plugin_that_has_stopped_is_cut_off() {
    let (gate, opened) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let late = plugin("late", {
        let (gate, opened) = (Arc::clone(&gate), Arc::clone(&opened));
        move |cx| {
            let (gate, opened) = (Arc::clone(&gate), Arc::clone(&opened));
            cx.get("/late", async move || {
                opened.notify_one();
                gate.notified().await;
                Body::from_stream(stream::pending::<Result<&str, Infallible>>())
            });
        }
    });
    let app = TestChassis::builder()
        .register(late)
        .set("reload.drain", "1s")
        .start()
        .await
        .unwrap();
    let ask = async {
        let request = http::Request::get("/late").body(Body::empty()).unwrap();
        let mut body = app.send_streaming(request).await.into_body();
        next(&mut body).await
    };
    let reload = async {
        opened.notified().await;
        let reloaded = app.handle().reload_plugin("late").await.unwrap();
        assert!(!reloaded.drained);
        gate.notify_one();
    };
    let (said, ()) = tokio::join!(ask, reload);
    let error = said.unwrap().unwrap_err();
    assert!(error.to_string().contains("cut off"), "{error}");
}
