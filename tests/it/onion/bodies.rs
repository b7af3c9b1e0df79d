//! Hooks that make another body of that of an answer.

use super::*;
use chassis::{PluginContext, StreamKind};
use futures::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use std::{convert::Infallible, time::Duration};

const LINE: &str = "a rose is a rose\n";

/// A whole body of a hundred lines, one that comes line by line and does not end, and events that somebody has encoded.
fn speaker() -> Registration {
    plugin("speaker", |cx| {
        cx.get("/whole", async || LINE.repeat(100));
        cx.get("/endless", async || {
            let one = stream::once(async { Ok::<_, Infallible>(LINE) });
            Body::from_stream(one.chain(stream::pending()))
        });
        cx.get("/events", async || {
            let one = stream::once(async { Ok::<_, Infallible>(LINE) });
            let headers = [
                ("content-type", "text/event-stream"),
                ("content-encoding", "own"),
            ];
            (headers, Body::from_stream(one.chain(stream::pending())))
        });
    })
}

/// Makes of each body one whose length nobody knows, in parts of a line.
fn in_lines(exchange: &mut Exchange) {
    exchange.map_response_body(|body| {
        let parts = body.into_data_stream().flat_map(|part| {
            let lines = part.map(|part| {
                let lines = part.chunks(LINE.len()).map(<[u8]>::to_ascii_uppercase);
                lines.map(Ok::<_, axum::Error>).collect()
            });
            stream::iter(lines.unwrap_or_else(|error| vec![Err(error)]))
        });
        Body::from_stream(parts)
    });
}

fn shouting(extra: fn(&mut PluginContext)) -> Registration {
    plugin("shouting", move |cx| {
        cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
            assert!(exchange.response_body().is_none());
            exchange.map_response_body(|_| panic!("there is none yet"));
        });
        cx.filter(&points::POST_RESPONSE, in_lines).priority(5);
        extra(cx);
    })
}

async fn open(app: &TestChassis, path: &str) -> Body {
    let request = http::Request::get(path).body(Body::empty()).unwrap();
    app.send_streaming(request).await.into_body()
}

async fn next(body: &mut Body) -> Option<Result<String, axum::Error>> {
    let frame = body.frame().await?;
    Some(frame.map(|frame| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()))
}

async fn start_with(extra: fn(&mut PluginContext)) -> TestChassis {
    let builder = TestChassis::builder().register(speaker());
    builder.register(shouting(extra)).start().await.unwrap()
}

/// Over a reload that builds the plugin of the answer anew, however late the rest of it is read.
async fn arrives_whole(app: &TestChassis) {
    let mut body = open(app, "/whole").await;
    let mut come = next(&mut body).await.unwrap().unwrap();
    assert_eq!(http_body::Body::size_hint(&body).exact(), None);
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_all().await });
    tokio::time::sleep(Duration::from_secs(100)).await;
    while let Some(line) = next(&mut body).await {
        come += &line.unwrap();
    }
    assert_eq!(come, LINE.to_uppercase().repeat(100));
    let reloaded = reload.await.unwrap().unwrap();
    // It is part of a request, and has kept its generation for as long.
    assert_eq!((reloaded.drained, reloaded.streams_cut), (false, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_made_of_a_whole_body_is_not_cut_off_by_a_reload() {
    arrives_whole(&start_with(|_| {}).await).await;
}

#[tokio::test(start_paused = true)]
async fn nor_is_it_behind_arounds_and_layers() {
    let app = start_with(|cx| {
        cx.around(async |request: Request, next: chassis::Next<'_>| next.run(request).await);
        cx.layer(tower::layer::util::Identity::new());
    });
    arrives_whole(&app.await).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_made_of_a_stream_is_one() {
    let app = start_with(|_| {}).await;
    let mut body = open(&app, "/endless").await;
    assert_eq!(next(&mut body).await.unwrap().unwrap(), LINE.to_uppercase());
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_plugin("speaker").await });
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("cut off"), "{error}");
    assert_eq!(reload.await.unwrap().unwrap().streams_cut, 1);
}

/// Between two of them there is no place where the encoding could end.
#[tokio::test(start_paused = true)]
async fn events_that_are_encoded_are_a_body_like_any_other() {
    let app = start_with(|_| {}).await;
    let mut body = open(&app, "/events").await;
    next(&mut body).await.unwrap().unwrap();
    let serving = app.handle().generations().unwrap();
    assert_eq!(serving[0].streams[0].kind, StreamKind::Body);
    let handle = app.handle().clone();
    tokio::spawn(async move { handle.reload_plugin("speaker").await });
    next(&mut body).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_body_that_could_not_be_made_is_no_empty_one() {
    let broken = plugin("broken", |cx| {
        cx.get("/", async || LINE);
        let hook = |exchange: &mut Exchange| exchange.map_response_body(|_| panic!("out of paper"));
        cx.filter(&points::POST_RESPONSE, hook).skip_on_failure();
    });
    let app = TestChassis::builder()
        .register(broken)
        .start()
        .await
        .unwrap();
    let mut body = open(&app, "/").await;
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("has panicked"), "{error}");
}
