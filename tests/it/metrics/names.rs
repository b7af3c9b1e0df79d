//! Names: whose they are, what is part of them, and when they are settled.

use super::*;
use tracing::{Event, Metadata, span};

const CONFLICTS: &str = r#"chassis_metrics_dropped_total{reason="conflict"}"#;

#[tokio::test]
async fn the_parts_of_a_histogram_are_nobody_elses() {
    let shop = plugin("shop", |cx| {
        cx.histogram("jobs", "Jobs.").record(1.0);
        cx.gauge("jobs.count", "A part of the one before.").set(7.0);
        cx.gauge("runs.sum", "It was there first.").set(3.0);
        cx.histogram("runs", "Would be written as it.").record(1.0);
        cx.gauge(
            "chassis_reload_duration_seconds.count",
            "One of the chassis.",
        )
        .set(7.0);
    });
    let app = TestChassis::builder().register(shop).start().await.unwrap();
    // As strict as Prometheus: each series is there once, and in its family.
    let page = Page::read(&app.metrics());
    assert_eq!(page.value(r#"jobs_count{plugin="shop"}"#), 1.0);
    assert_eq!(page.value(r#"runs_sum{plugin="shop"}"#), 3.0);
    assert_eq!(page.kinds.get("runs"), None);
    assert_eq!(page.value("chassis_reload_duration_seconds_count"), 0.0);
    assert_eq!(page.value(CONFLICTS), 3.0);
}

#[tokio::test]
async fn a_description_that_comes_late_does_not_split_a_metric() {
    let app = TestChassis::builder().start().await.unwrap();
    app.recording(|| {
        metrics::counter!("sent", "to" => "a").increment(1);
        metrics::describe_counter!("sent", metrics::Unit::Bytes, "What was sent.");
        metrics::counter!("sent", "to" => "b").increment(2);
    });
    let page = Page::read(&app.metrics());
    let wanted = BTreeMap::from([
        (r#"sent_total{to="a"}"#, 1.0),
        (r#"sent_total{to="b"}"#, 2.0),
    ]);
    assert_eq!(page.of("sent"), wanted);
    assert_eq!(page.helps["sent_total"], "What was sent.");
}

#[tokio::test]
async fn two_metrics_that_a_plugin_calls_the_same_are_both_shown() {
    let shop = plugin("shop", |cx| {
        cx.counter("jobs", "Jobs that came.").increment(5);
        cx.gauge("jobs", "Jobs that wait.").set(2.0);
        cx.gauge("workers", "Those who work.").set(1.0);
    });
    let running = start(crate::client::service([shop])).await;
    let all = json_of(&running, "/plugins/metrics").await;
    let wanted = serde_json::json!({"plugin.shop": {"jobs_total": 5, "jobs": 2, "workers": 1}});
    assert_eq!(all, wanted);
    running.stop().await;
}

/// Counts the lines of the log, with the facade.
struct CountsLines;

impl tracing::Subscriber for CountsLines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let level = event.metadata().level().as_str();
        metrics::counter!("log.lines", "level" => level).increment(1);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_log_that_counts_its_lines_is_told_of_what_was_refused() {
    let app = TestChassis::builder().start().await.unwrap();
    // As long as there is but one, `tracing` asks whoever logs first whether anybody listens, and that may be another test.
    let _other = tracing::Dispatch::new(CountsLines);
    app.recording(|| {
        tracing::subscriber::with_default(CountsLines, || {
            metrics::gauge!("chassis_generation").set(99.0);
            for id in 0..10_001 {
                metrics::counter!("logins", "user" => id.to_string()).increment(1);
            }
        });
    });
    let page = Page::read(&app.metrics());
    assert_eq!(page.value(r#"log_lines_total{level="DEBUG"}"#), 1.0);
    assert_eq!(page.value(r#"log_lines_total{level="WARN"}"#), 1.0);
}

#[tokio::test]
async fn a_library_that_goes_on_under_a_taken_name_is_counted_each_time() {
    let app = TestChassis::builder().start().await.unwrap();
    app.recording(|| {
        for _ in 0..5 {
            metrics::gauge!("chassis_generation").set(99.0);
        }
    });
    assert_eq!(Page::read(&app.metrics()).value(CONFLICTS), 5.0);
}
