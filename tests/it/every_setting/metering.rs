//! What is made metrics of, as `custom-metrics` has it.

use super::{Setting, in_virtual_time};
use chassis::{prelude::*, testing::TestChassis};
use chassis_custom_metrics::{CustomMetric, CustomMetrics, DeclareMetrics as _};
use chassis_greeter::Greeter;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Is polled, and counts how often.
#[plugin]
async fn asked(cx: &mut PluginContext) -> Result<()> {
    let times = AtomicU64::new(0);
    cx.custom_metric(
        CustomMetric::gauge("asked", "How often it was asked.")
            .polled(move || (times.fetch_add(1, Relaxed) + 1) as f64),
    )
}

/// What the page of metrics says after three events and four requests.
async fn page(setting: Setting, metrics: Value) -> String {
    let builder = TestChassis::with::<CustomMetrics>()
        .plugin::<Greeter>()
        .plugin::<asked>()
        .config(setting.yaml());
    let builder = match metrics {
        Value::Null => builder,
        metrics => builder.set("plugins.custom-metrics.config.metrics", vec![metrics]),
    };
    let app = builder.start().await.expect("the service starts");
    let events = app.handle().events().expect("it runs");
    for topic in ["thing", "thing.a", "thing.b"] {
        let event = json!({ "n": 7, "kind": "tea" });
        events.publish_as(topic, event).expect("it runs");
    }
    for path in ["/hello/Ada", "/nowhere", "/nowhere/else", "/openapi.json"] {
        app.get(path).await;
    }
    tokio::time::sleep(Duration::from_secs(65)).await;
    app.metrics()
}

/// The lines of these series, without what all of them have.
fn lines(page: &str, name: &str) -> Vec<String> {
    let begins = |line: &&str| line.starts_with(name);
    let lines = page.lines().filter(begins);
    let plain = |line: &str| {
        let line = line.replace(",plugin=\"custom-metrics\"", "");
        line.replace("{plugin=\"custom-metrics\"}", "")
    };
    lines.map(plain).collect()
}

fn some(lines: &[String]) -> String {
    match lines.is_empty() {
        true => "nothing".to_owned(),
        false => lines.join(", "),
    }
}

pub(super) fn made(setting: Setting) -> String {
    in_virtual_time(async { some(&lines(&page(setting, Value::Null).await, "x")) })
}

pub(super) fn help(setting: Setting) -> String {
    in_virtual_time(async {
        let page = page(setting, Value::Null).await;
        some(&lines(&page, "# HELP x")).replace("# HELP x_total ", "")
    })
}

/// The value of a label in each of these series.
fn values(page: &str, name: &str, label: &str) -> Vec<String> {
    let lines = lines(page, name).into_iter();
    let value = |line: String| {
        let (_, rest) = line.split_once(&format!("{label}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    lines.filter_map(value).collect()
}

pub(super) fn buckets(setting: Setting) -> String {
    in_virtual_time(async { some(&values(&page(setting, Value::Null).await, "x_bucket", "le")) })
}

pub(super) fn series(setting: Setting) -> String {
    let metric =
        json!({ "name": "x", "kind": "counter", "event": "thing.*", "labels": { "of": "topic" } });
    in_virtual_time(async { some(&values(&page(setting, metric).await, "x", "of")) })
}

/// The document of the service is JSON, and has no `n`.
pub(super) fn looked_into(setting: Setting) -> String {
    let metric =
        json!({ "name": "x", "kind": "counter", "routes": ["/openapi.json"], "value": "/n" });
    in_virtual_time(async {
        let page = page(setting, metric).await;
        some(&values(&page, "custom_metrics_skipped", "reason"))
    })
}

pub(super) fn polled(setting: Setting) -> String {
    in_virtual_time(async {
        let page = page(setting, Value::Null).await;
        let asked = page
            .lines()
            .find_map(|line| line.strip_prefix("asked{plugin=\"asked\"} "));
        format!("asked {} times", asked.unwrap_or("0"))
    })
}
