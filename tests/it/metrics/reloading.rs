//! Reloads: what was recorded and collected goes over to the new instance, or goes.

use super::*;
use std::time::Duration;

/// How often a plugin was built, and what it does each time.
fn built(
    name: &str,
    put: impl Fn(u64, &mut PluginContext) + Send + Sync + 'static,
) -> Registration {
    let times = AtomicU64::new(0);
    plugin(name, move |cx| put(times.fetch_add(1, SeqCst) + 1, cx))
}

fn stock() -> Vec<MetricSample> {
    vec![MetricSample::gauge("stock", 4.0)]
}

const STOCK: &str = r#"stock{plugin="shop"}"#;

#[tokio::test(start_paused = true)]
async fn what_was_collected_is_shown_over_a_reload() {
    let shop = plugin("shop", |cx| _ = cx.metrics(async || stock()));
    let app = TestChassis::builder().register(shop).start().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(Page::read(&app.metrics()).get(STOCK), Some(4.0));
    app.reload_all().await.unwrap();
    assert_eq!(Page::read(&app.metrics()).get(STOCK), Some(4.0));
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(Page::read(&app.metrics()).get(STOCK), Some(4.0));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_collects_any_more_goes_with_the_next_round() {
    for has_other in [false, true] {
        let shop = built("shop", |time, cx| {
            if time == 1 {
                cx.metrics(async || stock());
            }
        });
        let mut app = TestChassis::builder().register(shop);
        if has_other {
            let other = |cx: &mut PluginContext| _ = cx.metrics(async || stock());
            app = app.register(plugin("other", other));
        }
        let app = app.start().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(Page::read(&app.metrics()).get(STOCK), Some(4.0));
        app.reload_all().await.unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let page = Page::read(&app.metrics());
        assert_eq!(page.get(STOCK), None, "with another: {has_other}");
        let other = page.get(r#"stock{plugin="other"}"#);
        assert_eq!(other, has_other.then_some(4.0));
    }
}

#[tokio::test]
async fn a_metric_may_change_its_kind_in_a_reload() {
    let shop = built("shop", |time, cx| {
        if time == 1 {
            cx.gauge("waiting", "How many wait.").set(3.0);
            return;
        }
        let meter = cx.meter().with("time", &time.to_string());
        let waiting = meter.histogram("waiting", "How many wait.");
        // Asked for twice, it is the same.
        meter.histogram("waiting", "").record(1.0);
        waiting.record(1.0);
        cx.get("/wait", async move || waiting.record(1.0));
    });
    let app = TestChassis::builder().register(shop).start().await.unwrap();
    let page = Page::read(&app.metrics());
    assert_eq!(page.value(r#"waiting{plugin="shop"}"#), 3.0);
    app.reload_all().await.unwrap();
    app.get("/wait").await;
    let page = Page::read(&app.metrics());
    assert_eq!(page.kinds["waiting"], "histogram");
    assert_eq!(page.value(r#"waiting_count{plugin="shop",time="2"}"#), 3.0);
    let dropped = r#"chassis_metrics_dropped_total{reason="conflict"}"#;
    assert_eq!(page.value(dropped), 0.0);
}

/// Counts things by what they are, which nobody knows beforehand, and by the time that it was built.
fn by_kind(time: u64, kind: &str, cx: &mut PluginContext) {
    let meter = cx.meter().with("fixed", "yes");
    let known = meter.inherit(chassis::FamilyKind::Counter, "things", &["kind"]);
    cx.gauge("things.known", "Kinds that it knows of.")
        .set(known.len() as f64);
    meter
        .with("kind", kind)
        .counter("things", "Things, by kind.")
        .increment(time);
}

#[tokio::test]
async fn series_that_nobody_can_ask_for_beforehand_are_inherited() {
    let shop = built("shop", |time, cx| match time {
        // It has no such labels.
        4 => {
            let counter = chassis::FamilyKind::Counter;
            cx.meter().inherit(counter, "things", &["other"]);
        }
        _ => by_kind(time, if time == 1 { "tea" } else { "cup" }, cx),
    });
    let app = TestChassis::builder().register(shop).start().await.unwrap();
    let things = |kind: &str| {
        let series = format!(r#"things_total{{fixed="yes",kind="{kind}",plugin="shop"}}"#);
        Page::read(&app.metrics()).get(&series)
    };
    let known = || Page::read(&app.metrics()).get(r#"things_known{plugin="shop"}"#);
    assert_eq!([things("tea"), known()], [Some(1.0), Some(0.0)]);
    app.reload_all().await.unwrap();
    assert_eq!(
        [things("tea"), things("cup"), known()],
        [Some(1.0), Some(2.0), Some(1.0)]
    );
    app.reload_all().await.unwrap();
    assert_eq!(
        [things("tea"), things("cup"), known()],
        [Some(1.0), Some(5.0), Some(2.0)]
    );
    app.reload_all().await.unwrap();
    assert_eq!([things("tea"), things("cup"), known()], [None, None, None]);
}

#[tokio::test]
async fn a_histogram_may_have_buckets_of_its_own_and_others_in_a_reload() {
    let shop = built("shop", |time, cx| {
        let bounds: &[f64] = if time == 1 {
            &[10.0, 2.0, 2.0, f64::NAN]
        } else {
            &[5.0]
        };
        let meter = cx.meter().with_buckets(bounds.iter().copied());
        let sizes = meter.histogram("size", "How large things are.");
        sizes.record(3.0);
        // Another of that name has the same buckets, or is refused.
        let other = cx.meter().with("of", "cups");
        other.histogram("size", "").record(1.0);
    });
    let app = TestChassis::builder().register(shop).start().await.unwrap();
    let up_to = |bound: &str| {
        let series = format!(r#"size_bucket{{plugin="shop",le="{bound}"}}"#);
        Page::read(&app.metrics()).get(&series)
    };
    let bounds = || ["2", "5", "10", "+Inf"].map(up_to);
    assert_eq!(bounds(), [Some(0.0), None, Some(1.0), Some(1.0)]);
    let page = app.metrics();
    assert!(!page.contains(r#"of="cups""#), "{page}");
    app.reload_all().await.unwrap();
    assert_eq!(bounds(), [None, Some(1.0), None, Some(1.0)]);
}
