//! `custom-metrics`: which counter there is.

use super::{Row, Sees, Tells, story::Story};
use chassis::prelude::*;
use chassis_custom_metrics::{CustomMetric, CustomMetrics, DeclareMetrics as _};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub(super) const ROW: Row = Row {
    name: "custom-metrics",
    with: |builder| {
        let builder = builder.plugin::<CustomMetrics>().plugin::<queue>();
        builder.set("health.interval", "1s")
    },
    a: |_| json!({"metrics": [counter("answers.a")]}),
    b: |_| json!({"metrics": [counter("answers.b")]}),
    path: &["/"],
    carries: &[],
    tells: Tells::Counters([A, "answers_b_total{"]),
};

const A: &str = "answers_a_total{";

fn counter(name: &str) -> Value {
    json!({"name": name, "kind": "counter", "routes": ["/"], "labels": {"status": "status"}})
}

/// Whether who knows how long the queue is, can't be asked.
static IS_AWAY: AtomicBool = AtomicBool::new(false);

/// Has its depth polled. Its metric is there whether or not anybody polls.
#[plugin]
async fn queue(cx: &mut PluginContext) -> Result<()> {
    let depth = CustomMetric::gauge("queue.depth", "What waits.").polled_async(async || {
        match IS_AWAY.load(Relaxed) {
            true => Err(Error::msg("the queue can't be reached")),
            false => Ok(3.0),
        }
    });
    cx.custom_metric(depth)
}

/// It depends on what answers say, and on whoever is polled.
pub(super) async fn breaks(story: &mut Story) {
    // Answers without what is to be measured are sent as they are.
    let items =
        json!({"name": "items", "kind": "gauge", "routes": ["/"], "value": "header:x-items"});
    let cents = json!({"name": "cents", "kind": "counter", "routes": ["/"], "value": "/cents"});
    let metrics = json!({"metrics": [counter("answers.a"), items, cents]});
    let so_far = story.counter(A).await;
    story.patch(&metrics, Sees::A).await;
    // It counts on: no answer is forgotten over a reload.
    assert!(story.counter(A).await > so_far);
    for (metric, reason) in [("items", "missing"), ("cents", "not_json")] {
        let series = format!(
            r#"custom_metrics_skipped_total{{metric="{metric}",plugin="custom-metrics",reason="{reason}"}}"#
        );
        assert!(story.counter(&series).await > Some(0), "{series}");
    }
    assert_eq!(story.counter("items{").await, None);
    story.unpatch(Sees::A).await;

    // It polls when it begins to serve.
    story.until_health("up").await;
    IS_AWAY.store(true, Relaxed);
    story.post("reload", Sees::A).await;
    let check = story.until_health("degraded").await;
    let why = check["message"].as_str().unwrap();
    assert!(
        why.contains("`queue`") && why.contains("can't be reached"),
        "{why}"
    );
    // What it was, is shown on.
    assert_eq!(story.counter("queue_depth{").await, Some(3));
    IS_AWAY.store(false, Relaxed);
    story.post("reload", Sees::A).await;
    story.until_health("up").await;
}
