//! What a service says of itself in numbers: `GET /metrics`, as Prometheus reads it.

use crate::{
    client::{Raw, start},
    made::plugin,
};
use chassis::{Registration, Running, prelude::*, testing::TestChassis};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

// The format, as a reader sees it.
mod page;
// Requests, by route, method and status.
mod requests;
// Plugins: their calls, and what they record.
mod plugins;
// Whose names are.
mod names;
// What goes over to the next instance.
mod reloading;
// What is pushed elsewhere.
mod exported;
// Generations, reloads, the process, the second listener, the document.
mod service;

use page::Page;

/// Greets, refuses, fails, and panics.
fn greeter() -> Registration {
    plugin("greeter", |cx| {
        cx.get("/hello/{name}", async |Path(name): Path<String>| name);
        cx.get("/broken", async || StatusCode::INTERNAL_SERVER_ERROR);
        cx.get("/panic", async || -> &'static str { panic!("on purpose") });
        cx.filter(
            &points::PRE_REQUEST,
            |exchange: &mut Exchange| match exchange.headers().contains_key("x-refuse") {
                true => Flow::respond(StatusCode::FORBIDDEN),
                false => Flow::Continue,
            },
        );
    })
}

/// The page of a service.
async fn page_of(running: &Running) -> Page {
    let management = running.management_address().expect("it listens");
    let answer = Raw::management(management).await.get("/metrics").await;
    assert_eq!(answer.status, 200);
    let media_type = answer.header("content-type");
    assert_eq!(media_type, Some("text/plain; version=0.0.4; charset=utf-8"));
    Page::read(answer.text())
}

async fn json_of(running: &Running, path: &str) -> serde_json::Value {
    let management = running.management_address().expect("it listens");
    let answer = Raw::management(management).await.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn post(running: &Running, path: &str) {
    let management = running.management_address().expect("it listens");
    let mut raw = Raw::management(management).await;
    raw.send(format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"
    ))
    .await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
