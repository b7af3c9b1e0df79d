//! Plugins: their calls, and what they record.

use super::*;
use std::time::Duration;

#[tokio::test]
async fn calls_of_handlers_are_counted_by_outcome() {
    let app = TestChassis::builder()
        .register(greeter())
        .start()
        .await
        .unwrap();
    for path in ["/hello/Ada", "/hello/Bob", "/broken", "/panic"] {
        app.get(path).await;
    }
    let refused = http::Request::get("/hello/Ada").header("x-refuse", "1");
    let refused = app
        .send(refused.body(chassis::Body::empty()).unwrap())
        .await;
    assert_eq!(refused.status(), 403);
    let page = Page::read(&app.metrics());
    let calls = |point: &str, outcome: &str| {
        page.value(&format!(
            r#"chassis_plugin_calls_total{{plugin="greeter",point="{point}",outcome="{outcome}"}}"#
        ))
    };
    let at = |point| ["ok", "error", "panic", "timeout"].map(|outcome| calls(point, outcome));
    assert_eq!(at("http.routes"), [2.0, 1.0, 1.0, 0.0]);
    assert_eq!(at("middleware.pre_request"), [5.0, 0.0, 0.0, 0.0]);
    let place = r#"{plugin="greeter",point="middleware.pre_request"}"#;
    assert_eq!(
        page.value(&format!("chassis_point_short_circuits_total{place}")),
        1.0
    );
    assert_eq!(
        page.value(&format!(
            "chassis_plugin_call_duration_seconds_count{place}"
        )),
        5.0
    );
    assert_eq!(
        page.value(r#"chassis_plugin_inflight{plugin="greeter"}"#),
        0.0
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_midway_is_cancelled_and_not_ok() {
    let hang = plugin("hang", |cx| {
        cx.get("/hang", async || std::future::pending::<()>().await);
        cx.get("/done", async || "done");
    });
    let app = TestChassis::builder()
        .register(hang)
        .set("server.request_timeout", "1s")
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/hang").await.status(), 504);
    assert_eq!(app.get("/done").await.status(), 200);
    let page = Page::read(&app.metrics());
    let calls = |outcome: &str| {
        let place = r#"plugin="hang",point="http.routes""#;
        page.value(&format!(
            r#"chassis_plugin_calls_total{{{place},outcome="{outcome}"}}"#
        ))
    };
    let all = ["ok", "error", "panic", "timeout", "cancelled"].map(calls);
    assert_eq!(all, [1.0, 0.0, 0.0, 0.0, 1.0]);
}

#[tokio::test]
async fn every_fail_open_is_counted() {
    let shaky = plugin("shaky", |cx| {
        cx.get("/", async || "served");
        let fail = |_: &mut Exchange| Err::<(), _>(chassis::Error::msg("on purpose"));
        cx.filter(&points::PRE_REQUEST, fail).skip_on_failure();
    });
    let app = TestChassis::builder()
        .register(shaky)
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/").await.text(), "served");
    let page = Page::read(&app.metrics());
    let labels = r#"{plugin="shaky",point="middleware.pre_request",policy="fail_open"}"#;
    assert_eq!(
        page.value(&format!("chassis_policy_applied_total{labels}")),
        1.0
    );
}

#[tokio::test]
async fn plugins_record_under_their_name_and_keep_their_own_words() {
    let shop = plugin("shop", |cx| {
        cx.counter("orders.placed", "Orders that were placed.")
            .increment(3);
        cx.gauge("queue.depth", "Orders that wait.").set(2.5);
        let took = cx
            .meter()
            .with("kind", "a \"new\" one")
            .histogram("pay.seconds", "How long paying took.");
        took.record(0.02);
        took.record(30.0);
    });
    let running = start(crate::client::service([shop, greeter()])).await;
    let page = page_of(&running).await;
    assert_eq!(page.value(r#"orders_placed_total{plugin="shop"}"#), 3.0);
    assert_eq!(page.value(r#"queue_depth{plugin="shop"}"#), 2.5);
    let bucket = |le: &str| {
        page.value(&format!(
            r#"pay_seconds_bucket{{kind="a \"new\" one",plugin="shop",le="{le}"}}"#
        ))
    };
    assert_eq!(
        (
            bucket("0.01"),
            bucket("0.025"),
            bucket("10"),
            bucket("+Inf")
        ),
        (0.0, 1.0, 1.0, 2.0)
    );
    assert_eq!(page.kinds["pay_seconds"], "histogram");
    assert_eq!(
        page.helps["orders_placed_total"],
        "Orders that were placed."
    );

    let all = json_of(&running, "/plugins/metrics").await;
    let wanted = serde_json::json!({"plugin.shop": {
        "orders.placed": 3,
        "queue.depth": 2.5,
        r#"pay.seconds{kind="a \"new\" one"}"#: {"count": 2, "sum": 30.02, "mean": 15.01},
    }});
    assert_eq!(all, wanted);
    let one = json_of(&running, "/plugins/shop/metrics").await;
    let wanted = serde_json::json!({
        "name": "orders.placed", "exported": "orders_placed_total", "kind": "counter", "labels": {},
        "help": "Orders that were placed.", "unit": null, "value": 3,
    });
    assert_eq!(one[0], wanted);
    assert_eq!(one[1]["unit"], "seconds");
    assert_eq!(
        json_of(&running, "/plugins/greeter/metrics").await,
        serde_json::json!([])
    );
    running.stop().await;
}

#[tokio::test]
async fn the_series_of_a_plugin_go_with_it() {
    let shop = plugin("shop", |cx| {
        let placed = cx.counter("orders.placed", "Orders.");
        cx.get("/order", async move || placed.increment(1));
        cx.metrics(async || vec![MetricSample::gauge("stock", 1.0)]);
    });
    let running = start(crate::client::service([shop, greeter()])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    assert_eq!(raw.get("/order").await.status, 200);
    let before = loop {
        let page = page_of(&running).await;
        if page.get(r#"stock{plugin="shop"}"#).is_some() {
            break page;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(before.value(r#"orders_placed_total{plugin="shop"}"#), 1.0);
    post(&running, "/plugins/shop/disable").await;
    let after = page_of(&running).await;
    let states = after.about("shop");
    assert!(
        states
            .iter()
            .all(|series| series.starts_with("chassis_plugin_state{")),
        "{states:?}"
    );
    assert_eq!(
        after.value(r#"chassis_plugin_state{plugin="shop",state="disabled"}"#),
        1.0
    );
    assert!(
        after
            .of("http_server_requests_total")
            .keys()
            .all(|series| !series.contains("/order"))
    );
    post(&running, "/plugins/shop/enable").await;
    let again = page_of(&running).await;
    assert_eq!(again.value(r#"orders_placed_total{plugin="shop"}"#), 0.0);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_plugins_collect_is_asked_for_in_the_background() {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let shop = plugin("shop", move |cx| {
        let asked = Arc::clone(&count);
        cx.metrics(async move || {
            let number = asked.fetch_add(1, SeqCst) + 1;
            if number == 3 {
                std::future::pending::<()>().await;
            }
            let value = f64::from(u32::try_from(number).unwrap());
            vec![
                MetricSample::counter("rounds", value).help("Rounds."),
                MetricSample::gauge("free", value)
                    .unit("bytes")
                    .label("disk", "a"),
                // It is no one's business.
                MetricSample::gauge("chassis_generation", 7.0),
                MetricSample::gauge("free", -1.0)
                    .unit("bytes")
                    .label("disk", "a"),
            ]
        });
    });
    let app = TestChassis::builder().register(shop).start().await.unwrap();
    let rounds = || {
        let page = Page::read(&app.metrics());
        let free = page.get(r#"free_bytes{disk="a",plugin="shop"}"#);
        let rounds = page.get(r#"rounds_total{plugin="shop"}"#);
        assert_eq!(free, rounds);
        assert_eq!(page.value("chassis_generation"), 1.0);
        rounds
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rounds(), Some(1.0));
    let page = Page::read(&app.metrics());
    let dropped = r#"chassis_metrics_dropped_total{reason="conflict"}"#;
    assert_eq!(
        page.value(dropped),
        2.0,
        "one that is taken, one that is there twice"
    );
    for _ in 0..100 {
        _ = app.metrics();
    }
    assert_eq!(asked.load(SeqCst), 1, "who reads does not ask");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(rounds(), Some(2.0));
    // The third never answers: it has 5 s, and then there is nothing to show.
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(rounds(), Some(2.0));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(rounds(), None);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(rounds(), Some(4.0));
    let page = Page::read(&app.metrics());
    let failed =
        r#"chassis_plugin_calls_total{plugin="shop",point="metrics.collect",outcome="timeout"}"#;
    assert_eq!(page.value(failed), 1.0);
}

#[tokio::test]
async fn what_libraries_record_is_described_limited_and_never_in_the_way() {
    let app = TestChassis::builder().start().await.unwrap();
    app.recording(|| {
        metrics::describe_histogram!("db.query", metrics::Unit::Seconds, "How long queries take.");
        metrics::histogram!("db.query", "table" => "orders").record(0.2);
        metrics::counter!("db.queries").increment(2);
        metrics::counter!("db.users", "plugin" => "shop").increment(1);
        metrics::gauge!("db.pool", "name" => "main").set(5.0);
        // Names that are taken.
        metrics::gauge!("chassis_generation").set(99.0);
        metrics::gauge!("db_query_seconds").set(1.0);
        for id in 0..10_050 {
            metrics::counter!("logins", "user" => id.to_string()).increment(1);
        }
    });
    let page = Page::read(&app.metrics());
    assert_eq!(page.helps["db_query_seconds"], "How long queries take.");
    assert_eq!(page.value(r#"db_query_seconds_count{table="orders"}"#), 1.0);
    assert_eq!(page.value("db_queries_total"), 2.0);
    assert_eq!(page.value(r#"db_users_total{exported_plugin="shop"}"#), 1.0);
    assert_eq!(page.value(r#"db_pool{name="main"}"#), 5.0);
    assert_eq!(page.value("chassis_generation"), 1.0);
    assert_eq!(page.of("logins_total").len(), 10_000);
    assert_eq!(
        page.value(r#"chassis_metrics_dropped_total{reason="limit"}"#),
        50.0
    );
    assert_eq!(
        page.value(r#"chassis_metrics_dropped_total{reason="conflict"}"#),
        2.0
    );
}

/// As an author writes it.
#[plugin]
struct Depths {
    depth: f64,
}

impl Plugin for Depths {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self { depth: 4.0 })
    }
}

#[contributes]
impl Depths {
    #[metrics]
    async fn depths(&self) -> Vec<MetricSample> {
        vec![MetricSample::gauge("depth", self.depth)]
    }

    #[metrics(deadline = "1s")]
    async fn heights(&self) -> Result<Vec<MetricSample>> {
        Ok(vec![MetricSample::gauge("height", -self.depth)])
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_collects_and_so_does_a_handler_by_name() {
    let by_name = plugin("by-name", |cx| {
        cx.at("metrics.collect")
            .provide(async |_: &serde_json::Value| {
                Ok::<_, chassis::Error>(
                    serde_json::json!([{"name": "depth", "kind": "gauge", "value": 7}]),
                )
            });
    });
    let app = TestChassis::with::<Depths>()
        .register(by_name)
        .start()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let page = Page::read(&app.metrics());
    let wanted = BTreeMap::from([
        (r#"depth{plugin="by-name"}"#, 7.0),
        (r#"depth{plugin="depths"}"#, 4.0),
    ]);
    assert_eq!(page.of("depth"), wanted);
}
