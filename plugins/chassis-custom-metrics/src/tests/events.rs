//! Metrics that are made of events.

use super::*;

const METRICS: &str = "
    {name: orders.placed, kind: counter, help: Orders., event: order.placed, labels: {state: /state, eu: /eu}},
    {name: orders.cents, kind: counter, event: order.placed, value: /total_cents},
    {name: last.cents, kind: gauge, event: order.placed, value: /total_cents},
    {name: order.items, kind: histogram, event: order.placed, value: /items, buckets: [1, 2]},
    {name: order.events, kind: counter, event: order.**, labels: {topic: topic, by: source, region: =eu}}";

#[tokio::test(start_paused = true)]
async fn events_are_counted_added_up_shown_and_distributed() {
    let app = start(METRICS).await;
    // What counts is 0 from the beginning; of a gauge nobody knows yet, nor which labels there will be.
    assert_eq!(value(&app, "orders_cents_total", ""), Some(0.0));
    assert_eq!(value(&app, "order_items_count", ""), Some(0.0));
    assert_eq!(value(&app, "last_cents", ""), None);
    assert_eq!(value(&app, "orders_placed_total", ""), None);
    for (state, cents, items) in [("new", 450, 1), ("new", 250, 2), ("paid", 300, 7)] {
        let items = vec!["tea"; items];
        let order = json!({ "state": state, "total_cents": cents, "items": items, "eu": true });
        happen(&app, "order.placed", order).await;
    }
    happen(&app, "order.shipped.late", json!({})).await;
    let placed = |state: &str| {
        let labels = format!("eu=\"true\",plugin=\"custom-metrics\",state=\"{state}\"");
        value(&app, "orders_placed_total", &labels)
    };
    assert_eq!([placed("new"), placed("paid")], [Some(2.0), Some(1.0)]);
    assert_eq!(value(&app, "orders_cents_total", ""), Some(1000.0));
    assert_eq!(value(&app, "last_cents", ""), Some(300.0));
    let up_to = |bound: &str| value(&app, "order_items_bucket", &format!("le=\"{bound}\""));
    assert_eq!(
        [up_to("1"), up_to("2"), up_to("+Inf")],
        [Some(1.0), Some(2.0), Some(3.0)]
    );
    assert_eq!(value(&app, "order_items_sum", ""), Some(10.0));
    let all = "by=\"service\",plugin=\"custom-metrics\",region=\"eu\",topic=\"order.shipped.late\"";
    assert_eq!(value(&app, "order_events_total", all), Some(1.0));
    assert!(app.metrics().contains("# HELP orders_placed_total Orders."));
    let made = |metric: &str| {
        value(
            &app,
            "custom_metrics_values_total",
            &format!("metric=\"{metric}\""),
        )
    };
    assert_eq!(
        [made("orders.cents"), made("order.events")],
        [Some(3.0), Some(4.0)]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_skipped_and_counted() {
    let app = start(
        "{name: cents, kind: counter, event: order, value: /total_cents, labels: {a: /a, b: /b}}",
    )
    .await;
    assert_eq!(value(&app, "custom_metrics_values_total", ""), Some(0.0));
    for order in [
        json!({}),
        json!({ "total_cents": "many" }),
        json!({ "total_cents": null }),
        json!({ "total_cents": -1 }),
        json!({ "total_cents": 1e300 }),
        json!({ "total_cents": 2, "a": {"b": 1}, "b": "" }),
        json!("nothing"),
    ] {
        happen(&app, "order", order).await;
    }
    assert_eq!(skipped(&app, "missing"), Some(2.0));
    assert_eq!(skipped(&app, "not_a_number"), Some(3.0));
    assert_eq!(skipped(&app, "negative"), Some(1.0));
    assert_eq!(
        value(&app, "custom_metrics_values_total", "metric=\"cents\""),
        Some(1.0)
    );
    // A label that is not there is `none`: without any it would be another series to Prometheus.
    assert_eq!(
        value(&app, "cents_total", "a=\"none\",b=\"none\""),
        Some(2.0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_counter_of_parts_loses_nothing() {
    let app = start("{name: liters, kind: counter, event: tea, value: ''}").await;
    for _ in 0..10 {
        happen(&app, "tea", json!(0.25)).await;
    }
    assert_eq!(value(&app, "liters_total", ""), Some(2.0));
    happen(&app, "tea", json!(0.5)).await;
    assert_eq!(value(&app, "liters_total", ""), Some(3.0));
}
