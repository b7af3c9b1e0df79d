//! The plugin, seen from outside.

use super::*;
use chassis::{
    Body, Published,
    axum::{
        body::Bytes,
        http::{Request, header::CONTENT_TYPE},
    },
    testing::{TestBuilder, TestChassis, TestResponse},
};
use serde_json::{Value, json};
use std::time::Duration;

mod answers;
mod bounds;
mod code;
mod events;
mod reloads;
mod settings;

/// Answers with what it is sent, and how it is asked to.
#[plugin]
async fn echo(cx: &mut PluginContext) -> Result<()> {
    cx.post("/orders", answer);
    cx.get("/orders/{id}", async || {
        Json(json!({ "id": 7, "total_cents": 100 }))
    });
    cx.post("/others", answer);
    cx.get("/slow", async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slow"
    });
    Ok(())
}

/// The body as it came; `x-status` and `x-type` say with what.
async fn answer(headers: HeaderMap, body: Bytes) -> Response {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut answer = Response::new(Body::from(body));
    let kind = said("x-type").unwrap_or("application/json");
    if let Ok(kind) = kind.parse() {
        answer.headers_mut().insert(CONTENT_TYPE, kind);
    }
    if let Some(status) = said("x-status").and_then(|status| status.parse().ok()) {
        *answer.status_mut() = status;
    }
    for name in ["x-items", "x-plan", "content-encoding"] {
        if let Some(value) = headers.get(name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// With these metrics.
fn service(metrics: &str) -> TestBuilder {
    TestChassis::with::<CustomMetrics>()
        .plugin::<echo>()
        .config(with(metrics))
}

fn with(metrics: &str) -> String {
    format!("plugins: {{custom-metrics: {{config: {{metrics: [{metrics}]}}}}}}\n")
}

async fn start(metrics: &str) -> TestChassis {
    service(metrics).start().await.unwrap()
}

async fn post(
    app: &TestChassis,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> TestResponse {
    let request = Request::post(path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let answer = app
        .send(request.body(Body::from(body.to_string())).unwrap())
        .await;
    assert_eq!(
        answer.text(),
        body.to_string(),
        "the client gets it as it was"
    );
    answer
}

/// Publishes an event, and lets those who subscribed have it.
async fn happen(app: &TestChassis, topic: &str, event: Value) {
    let _: Published = app
        .handle()
        .events()
        .unwrap()
        .publish_as(topic, event)
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// The value of a series: its name, and a part of its labels.
fn value(app: &TestChassis, name: &str, labels: &str) -> Option<f64> {
    let page = app.metrics();
    let mut lines = page.lines().filter(|line| {
        let series = line.split_once('{');
        series.is_some_and(|(found, rest)| found == name && rest.contains(labels))
    });
    let found = lines.next()?;
    assert_eq!(lines.next(), None, "{name} {labels} is more than one");
    found.rsplit(' ').next()?.parse().ok()
}

/// How often a metric was skipped, by reason.
fn skipped(app: &TestChassis, reason: &str) -> Option<f64> {
    let reason = format!("reason=\"{reason}\"");
    value(app, "custom_metrics_skipped_total", &reason)
}
