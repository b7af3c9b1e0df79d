//! Metrics that code declares.

use super::*;
use std::sync::atomic::AtomicU64;

/// Jobs that wait, for each test one of its own.
#[plugin]
async fn queue(cx: &mut PluginContext) -> Result<()> {
    let asked = Arc::new(AtomicU64::new(0));
    let times = Arc::clone(&asked);
    cx.custom_metric(
        CustomMetric::gauge("queue.depth", "Jobs that wait.")
            .label("queue", "=mail")
            .polled(move || (times.fetch_add(1, Relaxed) + 1) as f64),
    )?;
    cx.custom_metric(
        CustomMetric::counter("queue.done", "Jobs that are done.")
            .polled(move || 10.0 * asked.load(Relaxed) as f64),
    )?;
    cx.custom_metric(
        CustomMetric::histogram("queue.wait", "How long it takes.")
            .buckets([1.0, 2.0])
            .polled_async(async || Ok(1.5)),
    )?;
    cx.custom_metric(
        CustomMetric::counter("jobs.cents", "What jobs cost.")
            .from_event("job.done")
            .value("/cents")
            .label("kind", "/kind"),
    )?;
    cx.custom_metric(
        CustomMetric::gauge("last.cents", "What the last order was.")
            .from_answers(["/orders/{id}"])
            .status("2xx")
            .value("/total_cents"),
    )
}

fn with_queue(more: &str) -> TestBuilder {
    TestChassis::with::<CustomMetrics>()
        .plugin::<queue>()
        .plugin::<echo>()
        .config(format!(
            "plugins: {{custom-metrics: {{config: {{{more}}}}}}}\n"
        ))
}

#[tokio::test(start_paused = true)]
async fn closures_are_polled_at_the_interval_in_the_name_of_their_plugin() {
    let app = with_queue("collection_interval: 10s")
        .start()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let depth = || value(&app, "queue_depth", "plugin=\"queue\",queue=\"mail\"");
    assert_eq!(depth(), Some(1.0));
    // Whoever reads metrics asks nobody.
    assert_eq!(depth(), Some(1.0));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(depth(), Some(2.0));
    assert_eq!(value(&app, "queue_wait_sum", "plugin=\"queue\""), Some(3.0));
    assert_eq!(value(&app, "queue_wait_bucket", "le=\"2\""), Some(2.0));
    let done = value(&app, "queue_done_total", "plugin=\"queue\"");
    assert!(done == Some(20.0) || done == Some(10.0), "{done:?}");
    let made = value(
        &app,
        "custom_metrics_values_total",
        "metric=\"queue.depth\",plugin=\"queue\"",
    );
    assert_eq!(made, Some(2.0));
}

#[tokio::test(start_paused = true)]
async fn events_and_answers_are_those_of_the_plugin_that_declares_them() {
    let app = with_queue("max_series: 1").start().await.unwrap();
    for (kind, cents) in [("mail", 3), ("mail", 4), ("letter", 90)] {
        happen(&app, "job.done", json!({ "kind": kind, "cents": cents })).await;
    }
    assert_eq!(
        value(&app, "jobs_cents_total", "kind=\"mail\",plugin=\"queue\""),
        Some(7.0)
    );
    // The settings hold for what code declares, too.
    assert_eq!(
        value(&app, "jobs_cents_total", "kind=\"other\",plugin=\"queue\""),
        Some(90.0)
    );
    app.get("/orders/7").await;
    assert_eq!(value(&app, "last_cents", "plugin=\"queue\""), Some(100.0));
}

#[tokio::test(start_paused = true)]
async fn where_it_is_disabled_nothing_is_recorded_and_it_goes_on_when_it_is_back() {
    let app = with_queue("").start().await.unwrap();
    let job = || happen(&app, "job.done", json!({ "kind": "mail", "cents": 1 }));
    let cents = || value(&app, "jobs_cents_total", "");
    job().await;
    assert_eq!(cents(), Some(1.0));
    app.handle().disable("custom-metrics").await.unwrap();
    job().await;
    app.get("/orders/7").await;
    let depth = value(&app, "queue_depth", "");
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(cents(), Some(1.0));
    assert_eq!(value(&app, "last_cents", ""), None);
    assert_eq!(value(&app, "queue_depth", ""), depth);
    app.handle().enable("custom-metrics").await.unwrap();
    job().await;
    assert_eq!(cents(), Some(2.0));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(value(&app, "queue_depth", "") > depth);
    // The plugin itself goes, and its metrics with it.
    app.handle().disable("queue").await.unwrap();
    assert_eq!(cents(), None);
}

#[tokio::test(start_paused = true)]
async fn over_a_reload_each_is_polled_by_one_instance() {
    let app = with_queue("collection_interval: 10s")
        .start()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let waits = || value(&app, "queue_wait_count", "");
    assert_eq!(waits(), Some(1.0));
    // An answer that nobody reads keeps the old instances until `reload.drain` is over.
    let request = Request::get("/orders/7").body(Body::empty()).unwrap();
    let unread = app.send_streaming(request).await;
    app.reload_all().await.unwrap();
    drop(unread);
    // The new one has polled when it began to serve, and every 10 s of the 30 s since.
    assert!(
        waits() >= Some(4.0) && waits() <= Some(5.0),
        "{:?}",
        waits()
    );
}

/// Has closures that fail, each in its way.
#[plugin]
async fn shaky(cx: &mut PluginContext) -> Result<()> {
    cx.custom_metric(CustomMetric::gauge("broken", "").polled(|| panic!("on purpose")))?;
    let hangs =
        CustomMetric::gauge("hangs", "").polled_async(async || std::future::pending().await);
    cx.custom_metric(hangs)?;
    let fails = CustomMetric::gauge("fails", "").polled_async(async || Err(Error::msg("no")));
    cx.custom_metric(fails)?;
    cx.custom_metric(CustomMetric::gauge("nan", "").polled(|| f64::NAN))
}

#[tokio::test(start_paused = true)]
async fn closures_that_fail_keep_nobody_else_from_being_polled() {
    let app = with_queue("").plugin::<shaky>().start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    // Rounds of 30 s, and 5 s for the one that hangs.
    assert_eq!(value(&app, "queue_depth", ""), Some(3.0));
    for name in ["broken", "hangs", "fails", "nan"] {
        assert_eq!(value(&app, name, "plugin=\"shaky\""), None, "{name}");
    }
    assert_eq!(skipped(&app, "not_a_number"), Some(3.0));
    let calls = |outcome: &str| {
        let labels = format!("point=\"custom-metrics.poll\",outcome=\"{outcome}\"");
        let page = app.metrics();
        let line = page.lines().find(|line| {
            line.starts_with("chassis_plugin_calls_total{")
                && line.contains("plugin=\"shaky\"")
                && line.contains(&labels)
        });
        line.unwrap()
            .rsplit(' ')
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    assert_eq!(
        [calls("panic"), calls("timeout"), calls("error")],
        [3.0, 3.0, 3.0]
    );
    let health = app.handle().health_of_plugin("custom-metrics").unwrap();
    let health = serde_json::to_string(&health).unwrap();
    assert!(
        health.contains("degraded") && health.contains("shaky"),
        "{health}"
    );
}

/// Declares what its settings say.
#[plugin]
struct Declares;

#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Case {
    case: usize,
}

/// A declaration, and what is said of it.
type Wrong = (fn() -> CustomMetric, &'static str);

const CASES: &[Wrong] = &[
    (
        || CustomMetric::counter("Orders", "").from_event("a"),
        "`Orders` is no name of a metric",
    ),
    (
        || CustomMetric::counter("chassis.x", "").from_event("a"),
        "`chassis.x` is taken",
    ),
    (
        || CustomMetric::counter("a", ""),
        "nothing says where its values come from",
    ),
    (
        || CustomMetric::gauge("a", "").from_event("a"),
        "only a counter does without a `value`",
    ),
    (
        || CustomMetric::gauge("a", "").from_event("a").value("total"),
        "nobody finds a value at `total`",
    ),
    (
        || CustomMetric::gauge("a", "").from_event("a").value("size"),
        "an event has no `size`",
    ),
    (
        || CustomMetric::counter("a", "").from_event("a..b"),
        "is no pattern of topics",
    ),
    (
        || CustomMetric::counter("a", "").from_answers(["orders"]),
        "does not begin with `/`",
    ),
    (
        || CustomMetric::counter("a", "").from_answers([""; 0]),
        "it is for no route",
    ),
    (
        || {
            CustomMetric::counter("a", "")
                .from_answers(["/a"])
                .status("2x")
        },
        "`2x` is no status",
    ),
    (
        || {
            CustomMetric::counter("a", "")
                .from_answers(["/a"])
                .label("plugin", "/a")
        },
        "`plugin` is set by others",
    ),
    (
        || {
            CustomMetric::counter("a", "")
                .polled(|| 1.0)
                .label("queue", "/mail")
        },
        "fixed labels only",
    ),
    (
        || CustomMetric::counter("a", "").polled(|| 1.0).value("/a"),
        "neither `value` nor `status`",
    ),
    (
        || CustomMetric::gauge("a", "").polled(|| 1.0).buckets([1.0]),
        "only a histogram has them",
    ),
];

impl Plugin for Declares {
    type Config = Case;

    async fn init(config: Case, cx: &mut PluginContext) -> Result<Self> {
        cx.custom_metric(CASES[config.case].0())?;
        Ok(Self)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_declaration_fails_its_plugin() {
    for (case, (_, told)) in CASES.iter().enumerate() {
        let app = TestChassis::with::<CustomMetrics>()
            .plugin::<Declares>()
            .config(format!(
                "plugins: {{declares: {{required: true, config: {{case: {case}}}}}}}"
            ));
        let report = app.start_error().await.report();
        assert!(report.contains(told), "{told}: {report}");
    }
}
