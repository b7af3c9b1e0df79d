//! WebSockets, server-sent events, and a layer that changes bodies.

use super::builder;
use crate::{
    client::{Raw, service, start},
    made::{Log, plugin},
};
use axum::{
    Router,
    extract::{WebSocketUpgrade, ws},
    response::sse::{Event, Sse},
    routing::any,
};
use chassis::{Exchange, points};
use futures::{SinkExt as _, StreamExt as _, channel::mpsc, stream};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

pub(super) async fn echo(upgrade: WebSocketUpgrade) -> axum::response::Response {
    upgrade.on_upgrade(async |mut socket: ws::WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

#[tokio::test]
async fn websockets_work_in_routes_and_in_routers_and_behind_layers() {
    let log = Log::new();
    let noted = log.clone();
    let sockets = plugin("sockets", move |cx| {
        cx.get("/routed", echo);
        cx.router(Router::new().route("/mounted", any(echo)));
        cx.layer(tower::layer::util::Identity::new()).priority(1);
        let log = noted.clone();
        cx.filter(&points::POST_RESPONSE, move |ex: &mut Exchange| {
            log.note(ex.status());
        });
    });
    let running = start(service([sockets])).await;
    let address = running.service_address();
    for path in ["/routed", "/mounted"] {
        let stream = TcpStream::connect(address).await.unwrap();
        let uri = format!("ws://{address}{path}");
        let (mut socket, answer) = tokio_tungstenite::client_async(uri, stream).await.unwrap();
        assert!(answer.headers().contains_key("x-request-id"));
        for text in ["one", "two"] {
            socket.send(Message::text(text)).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        }
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
        // Without an upgrade it is an ordinary request.
        assert_eq!(Raw::connect(address).await.get(path).await.status, 400);
    }
    let upgraded = "101 Switching Protocols";
    let refused = "400 Bad Request";
    assert_eq!(log.lines(), [upgraded, refused, upgraded, refused]);
    assert!(running.stop().await.is_graceful());
}

#[tokio::test(start_paused = true)]
async fn events_may_stream_for_longer_than_a_request_may_take() {
    let events = plugin("events", |cx| {
        cx.get("/events", async || {
            let minutes = stream::iter(0..5).then(async |minute| {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok::<_, Infallible>(Event::default().data(format!("minute {minute}")))
            });
            Sse::new(minutes)
        });
    });
    let app = builder([events])
        .set("server.request_timeout", "1s")
        .start()
        .await
        .unwrap();
    let before = tokio::time::Instant::now();
    let response = app.get("/events").await;
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        response.text().matches("data: minute").count(),
        5,
        "{}",
        response.text()
    );
    assert!(before.elapsed() >= Duration::from_secs(300));
}

#[tokio::test]
async fn events_arrive_as_they_are_sent() {
    let (tick, ticks) = mpsc::unbounded();
    let ticks = Arc::new(Mutex::new(Some(ticks)));
    let events = plugin("events", move |cx| {
        let ticks = Arc::clone(&ticks);
        cx.get("/events", async move || {
            let ticks = ticks.lock().unwrap().take().expect("there is one request");
            Sse::new(
                ticks.map(|tick: u32| Ok::<_, Infallible>(Event::default().data(tick.to_string()))),
            )
        });
    });
    let running = start(service([events])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send("GET /events HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(raw.head().await.unwrap().0, 200);
    for number in 0..3 {
        tick.unbounded_send(number).unwrap();
        assert_eq!(raw.chunk().await.unwrap(), format!("data: {number}\n\n"));
    }
    drop(raw);
    // The end of the client is noticed, although nothing is sent.
    while !tick.is_closed() {
        tokio::task::yield_now().await;
    }
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn a_layer_may_change_the_type_of_the_body() {
    let log = Log::new();
    let noted = log.clone();
    let long = "all work and no play ".repeat(1_000);
    let text = long.clone();
    let compressed = plugin("compressed", move |cx| {
        let text = text.clone();
        cx.get("/long", async move || text);
        cx.layer(tower_http::compression::CompressionLayer::new())
            .priority(2);
        for (priority, place) in [(1, "outside"), (3, "inside")] {
            let log = noted.clone();
            cx.filter(&points::POST_RESPONSE, move |ex: &mut Exchange| {
                let encoding = ex.response_headers().get("content-encoding");
                log.note(format!("{place} {encoding:?}"));
            })
            .priority(priority);
        }
    });
    let running = start(service([compressed])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    assert_eq!(raw.get("/long").await.text(), long);
    assert_eq!(log.lines(), ["inside None", "outside None"]);
    raw.send("GET /long HTTP/1.1\r\nhost: test\r\naccept-encoding: gzip\r\n\r\n")
        .await;
    let answer = raw.answer().await;
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(answer.body.starts_with(&[0x1f, 0x8b]) && answer.body.len() < long.len() / 10);
    assert_eq!(log.lines()[2..], ["inside None", "outside Some(\"gzip\")"]);
    assert_eq!(raw.get("/nowhere").await.status, 404);
    assert!(running.stop().await.is_graceful());
}
