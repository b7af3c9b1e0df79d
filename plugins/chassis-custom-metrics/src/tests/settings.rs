//! What can be written, and what is said of what can't.

use super::*;

#[tokio::test]
async fn every_mistake_is_told_with_its_place() {
    for (metric, at, told) in [
        (
            "{name: A, kind: counter, event: a}",
            "metrics[0].name",
            "`A` is no name of a metric",
        ),
        (
            "{name: a..b, kind: counter, event: a}",
            "metrics[0].name",
            "is no name of a metric",
        ),
        (
            "{name: chassis.reload, kind: counter, event: a}",
            "metrics[0].name",
            "is taken",
        ),
        (
            "{name: a, kind: timer, event: a}",
            "metrics[0].kind",
            "histogram",
        ),
        (
            "{name: a, kind: counter}",
            "metrics[0]",
            "neither `event` nor `routes`",
        ),
        (
            "{name: a, kind: counter, event: a, routes: [/a]}",
            "metrics[0].routes",
            "it has an `event` already",
        ),
        (
            "{name: a, kind: counter, event: a..b}",
            "metrics[0].event",
            "`a..b` is no pattern of topics",
        ),
        (
            "{name: a, kind: counter, event: a, status: [200]}",
            "metrics[0].status",
            "an event has none",
        ),
        (
            "{name: a, kind: counter, routes: [orders]}",
            "metrics[0].routes[0]",
            "does not begin with `/`",
        ),
        (
            "{name: a, kind: counter, routes: [/a], status: [700]}",
            "metrics[0].status[0]",
            "`700` is no status",
        ),
        (
            "{name: a, kind: counter, routes: [/a], status: [2x]}",
            "metrics[0].status[0]",
            "`2x` is no status",
        ),
        (
            "{name: a, kind: gauge, event: a}",
            "metrics[0]",
            "only a counter does without a `value`",
        ),
        (
            "{name: a, kind: gauge, event: a, value: total}",
            "metrics[0].value",
            "nobody finds a value at `total`",
        ),
        (
            "{name: a, kind: gauge, event: a, value: /a~2}",
            "metrics[0].value",
            "is no JSON pointer",
        ),
        (
            "{name: a, kind: gauge, event: a, value: size}",
            "metrics[0].value",
            "an event has no `size`",
        ),
        (
            "{name: a, kind: counter, routes: [/a], value: duration}",
            "metrics[0].value",
            "make it a histogram",
        ),
        (
            "{name: a, kind: gauge, routes: [/a], value: 'header:a b'}",
            "metrics[0].value",
            "names no header",
        ),
        (
            "{name: a, kind: counter, event: a, labels: {plugin: /a}}",
            "metrics[0].labels",
            "`plugin` is set by others",
        ),
        (
            "{name: a, kind: counter, event: a, labels: {A: /a}}",
            "metrics[0].labels",
            "`A` is no name of a label",
        ),
        (
            "{name: a, kind: counter, event: a, labels: {a: state}}",
            "metrics[0].labels.a",
            "nobody finds a label at `state`",
        ),
        (
            "{name: a, kind: counter, event: a, labels: {a: status}}",
            "metrics[0].labels.a",
            "an event has no `status`",
        ),
        (
            "{name: a, kind: counter, routes: [/a], labels: {a: topic}}",
            "metrics[0].labels.a",
            "an answer has no `topic`",
        ),
        (
            "{name: a, kind: counter, event: a, buckets: [1]}",
            "metrics[0].buckets",
            "only a histogram has them",
        ),
        (
            "{name: a, kind: histogram, event: a, value: '', buckets: [2, 1]}",
            "metrics[0].buckets",
            "they do not grow",
        ),
        (
            "{name: a.b, kind: counter, event: a}, {name: a_b_total, kind: counter, event: b}",
            "metrics[1].name",
            "`metrics[0]` has this name already",
        ),
        (
            "{name: a, kind: counter, event: a, topic: b}",
            "metrics[0]",
            "topic",
        ),
    ] {
        let report = service(metric).start_error().await.report();
        let place = format!("plugins.custom-metrics.config.{at}");
        assert!(
            report.contains(&place) && report.contains(told),
            "{metric}:\n{report}"
        );
        assert!(report.contains("test.yaml:1:"), "{report}");
    }
    for (setting, told) in [
        ("collection_interval: 10ms", "shorter than a second"),
        ("max_series: 0", "max_series"),
        ("max_body: 2MiB", "1 MiB"),
    ] {
        let config = format!("plugins: {{custom-metrics: {{config: {{{setting}}}}}}}\n");
        let app = TestChassis::with::<CustomMetrics>().config(config);
        let report = app.start_error().await.report();
        assert!(report.contains(told), "{report}");
    }
}

#[tokio::test]
async fn without_metrics_it_does_nothing_and_is_well() {
    let app = TestChassis::with::<CustomMetrics>()
        .plugin::<echo>()
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/orders/7").await.status(), 200);
    assert_eq!(app.state("custom-metrics"), chassis::PluginState::Running);
    let plugin = app.handle().plugin("custom-metrics").unwrap();
    let shown = serde_json::to_string(&plugin).unwrap();
    assert!(!shown.contains("middleware.post_response"), "{shown}");
}
