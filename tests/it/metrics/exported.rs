//! Metrics that are pushed elsewhere: at `metrics.export`, as values.

use super::*;
use crate::made::Log;
use chassis::{FamilyKind, MetricSeries, MetricValue, MetricsSnapshot, points::METRICS_EXPORT};
use std::{sync::Mutex, time::Duration};

/// What an exporter was handed.
type Handed = Arc<Mutex<Vec<MetricsSnapshot>>>;

fn exporter(handed: &Handed) -> Registration {
    let handed = Arc::clone(handed);
    plugin("exporter", move |cx| {
        let handed = Arc::clone(&handed);
        cx.provide(&METRICS_EXPORT, async move |all: &MetricsSnapshot| {
            handed.lock().unwrap().push(all.clone());
            Ok::<_, Error>(())
        });
    })
}

fn shop() -> Registration {
    plugin("shop", |cx| {
        let placed = cx.counter("orders.placed", "Orders that were placed.");
        cx.histogram("paid.seconds", "Until they were paid.")
            .record(0.3);
        cx.get("/order", async move || placed.increment(1));
        let told = cx.counter("told", "Events that came.");
        cx.on("order.placed", async move |_: Message| told.increment(1));
        cx.get("/publish", async |events: Events| -> Result<()> {
            events.publish_as("order.placed", 1)?;
            Ok(())
        });
    })
}

fn number(all: &MetricsSnapshot, name: &str) -> Option<f64> {
    match all.family(name)?.series.first()?.value {
        MetricValue::Number(value) => Some(value),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn exporters_are_handed_everything_as_values() {
    let handed = Handed::default();
    let app = TestChassis::builder()
        .register(shop())
        .register(exporter(&handed))
        .set("metrics.interval", "3s")
        .start()
        .await
        .unwrap();
    app.get("/order").await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    app.get("/order").await;
    app.get("/publish").await;
    let roles = app.handle().plugin("exporter").unwrap().roles;
    assert_eq!(roles, ["metrics"]);
    assert!(app.stop().await.is_empty());

    let handed = handed.lock().unwrap();
    let count = |all: &MetricsSnapshot| number(all, "orders_placed_total");
    let counts: Vec<_> = handed.iter().map(count).collect();
    assert_eq!(counts, [Some(1.0), Some(1.0), Some(2.0)]);
    let are_last: Vec<bool> = handed.iter().map(|all| all.is_last).collect();
    assert_eq!(are_last, [false, false, true], "once more at the end");
    let last = &handed[2];
    assert_eq!(number(last, "told_total"), Some(1.0), "after the events");
    assert!(last.at > 0);

    let orders = last.family("orders_placed_total").unwrap();
    assert_eq!(orders.kind, FamilyKind::Counter);
    assert_eq!(orders.help, "Orders that were placed.");
    assert_eq!(orders.series[0].label("plugin"), Some("shop"));
    let paid = last.family("paid_seconds").unwrap();
    assert_eq!(
        (paid.kind, paid.unit.as_deref()),
        (FamilyKind::Histogram, Some("seconds"))
    );
    let MetricValue::Histogram {
        bounds,
        counts,
        sum,
    } = &paid.series[0].value
    else {
        panic!("no histogram: {paid:?}")
    };
    assert_eq!(
        (bounds.len() + 1, counts.iter().sum(), *sum),
        (counts.len(), 1, 0.3)
    );
    let calls = last.family("chassis_plugin_call_duration_seconds").unwrap();
    let is_of_shop = |series: &&MetricSeries| series.label("plugin") == Some("shop");
    let calls = calls.series.iter().find(is_of_shop).unwrap();
    assert!(matches!(
        calls.value,
        MetricValue::Summary { count: 1.., .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_exporter_that_fails_delays_and_hurts_nobody() {
    let handed = Handed::default();
    let bad = plugin("bad", |cx| {
        cx.provide(&METRICS_EXPORT, async |all: &MetricsSnapshot| {
            match all.is_last {
                true => std::future::pending().await,
                false => Err::<(), _>(Error::msg("no way to the collector")),
            }
        });
    });
    let wild = plugin("wild", |cx| {
        cx.provide(&METRICS_EXPORT, async |all: &MetricsSnapshot| {
            assert!(all.is_last, "out of paper");
            Ok::<_, Error>(())
        });
    });
    let app = TestChassis::builder()
        .register(bad)
        .register(wild)
        .register(exporter(&handed))
        .start()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(35)).await;
    let page = app.metrics();
    for (plugin, outcome) in [("bad", "error"), ("wild", "panic"), ("exporter", "ok")] {
        let line = format!(
            "chassis_plugin_calls_total{{plugin=\"{plugin}\",point=\"metrics.export\",outcome=\"{outcome}\"}} 3"
        );
        assert!(page.contains(&line), "no {line} in {page}");
    }
    let before = tokio::time::Instant::now();
    assert!(
        app.stop().await.is_empty(),
        "what can't be exported stops nothing"
    );
    assert_eq!(before.elapsed().as_secs(), 5, "its deadline");
    assert!(handed.lock().unwrap().last().unwrap().is_last);
}

#[tokio::test(start_paused = true)]
async fn an_exporter_may_know_the_point_by_its_name_alone() {
    let log = Log::new();
    let to = log.clone();
    let by_name = plugin("by-name", move |cx| {
        let log = to.clone();
        cx.at("metrics.export")
            .provide(async move |all: &serde_json::Value| {
                let families = all["families"].as_array().unwrap();
                let found = families
                    .iter()
                    .find(|family| family["name"] == "chassis_generation");
                log.note(&found.unwrap()["series"][0]["value"]["number"]);
                Ok::<_, Error>(serde_json::Value::Null)
            });
    });
    let app = TestChassis::builder()
        .register(by_name)
        .start()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(log.lines(), ["1.0"]);
    drop(app);
}
