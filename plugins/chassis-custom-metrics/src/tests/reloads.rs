//! What becomes of metrics when the service is reloaded.

use super::*;
use std::{fs, sync::atomic::AtomicBool};
use tempfile::NamedTempFile;

struct Service {
    file: NamedTempFile,
    app: TestChassis,
}

impl Service {
    async fn start(metrics: &str) -> Self {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        fs::write(file.path(), with(metrics)).unwrap();
        let app = TestChassis::with::<CustomMetrics>()
            .plugin::<echo>()
            .config_file(file.path());
        let app = app.start().await.unwrap();
        Self { file, app }
    }

    async fn reload(&self, metrics: &str) {
        fs::write(self.file.path(), with(metrics)).unwrap();
        self.app.reload().await.unwrap();
    }
}

const SEEN: &str = "{name: seen, kind: counter, event: thing, labels: {state: /state}}";

#[tokio::test(start_paused = true)]
async fn metrics_go_on_come_and_go() {
    let level = "{name: level, kind: gauge, event: level, value: ''}";
    let service = Service::start(&format!("{SEEN}, {level}")).await;
    let app = &service.app;
    happen(app, "thing", json!({ "state": "a" })).await;
    happen(app, "thing", json!({ "state": "b" })).await;
    happen(app, "level", json!(4)).await;
    // Nothing has happened since, and nothing is forgotten.
    app.reload_all().await.unwrap();
    assert_eq!(value(app, "seen_total", "state=\"a\""), Some(1.0));
    assert_eq!(value(app, "level", ""), Some(4.0));
    service
        .reload(&format!(
            "{SEEN}, {{name: more, kind: counter, event: thing}}"
        ))
        .await;
    assert_eq!(value(app, "level", ""), None);
    happen(app, "thing", json!({ "state": "a" })).await;
    assert_eq!(value(app, "seen_total", "state=\"a\""), Some(2.0));
    assert_eq!(value(app, "seen_total", "state=\"b\""), Some(1.0));
    assert_eq!(value(app, "more_total", ""), Some(1.0));
    // With another label it is another one.
    service
        .reload("{name: seen, kind: counter, event: thing, labels: {kind: /kind}}")
        .await;
    assert_eq!(value(app, "seen_total", ""), None);
    app.handle().disable("custom-metrics").await.unwrap();
    happen(app, "thing", json!({ "state": "a" })).await;
    assert_eq!(value(app, "custom_metrics_values_total", ""), None);
    app.handle().enable("custom-metrics").await.unwrap();
    happen(app, "thing", json!({ "kind": "a" })).await;
    assert_eq!(value(app, "seen_total", "kind=\"a\""), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_histogram_with_other_buckets_begins_anew() {
    let with = |buckets: &str| {
        format!(
            "{{name: size, kind: histogram, event: size, value: '', labels: {{of: =tea}}, buckets: {buckets}}}"
        )
    };
    let service = Service::start(&with("[1, 2]")).await;
    let app = &service.app;
    happen(app, "size", json!(2)).await;
    service.reload(&with("[1, 5, 10]")).await;
    happen(app, "size", json!(7)).await;
    let up_to = |bound: &str| value(app, "size_bucket", &format!("le=\"{bound}\""));
    assert_eq!(
        [
            up_to("1"),
            up_to("2"),
            up_to("5"),
            up_to("10"),
            up_to("+Inf")
        ],
        [Some(0.0), None, Some(0.0), Some(1.0), Some(1.0)]
    );
    app.reload_all().await.unwrap();
    happen(app, "size", json!(3)).await;
    assert_eq!([up_to("5"), up_to("+Inf")], [Some(1.0), Some(2.0)]);
    let dropped = value(app, "chassis_metrics_dropped_total", "conflict");
    assert_eq!(dropped, Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_a_reload_leaves_the_metrics_as_they_were() {
    let service = Service::start(SEEN).await;
    let app = &service.app;
    fs::write(
        service.file.path(),
        with("{name: Seen, kind: counter, event: thing}"),
    )
    .unwrap();
    let error = app.reload().await.unwrap_err();
    assert!(error.report().contains("`Seen` is no name of a metric"));
    happen(app, "thing", json!({ "state": "a" })).await;
    assert_eq!(value(app, "seen_total", ""), Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_while_it_is_reloaded_under_load() {
    const METRICS: &str =
        "{name: answered, kind: counter, routes: [POST /orders], labels: {state: /state}},
        {name: happened, kind: counter, event: thing}";
    let more =
        |turn: u32| format!("{METRICS}, {{name: more{turn}, kind: counter, routes: ['/**']}}");
    let service = Arc::new(Service::start(METRICS).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..3)
        .map(|caller| {
            let (service, is_over) = (Arc::clone(&service), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut done = 0;
                while !is_over.load(Relaxed) && done < 5_000 {
                    let order = json!({ "state": format!("{}", (caller + done) % 7) });
                    post(&service.app, "/orders", &[], &order).await;
                    let events = service.app.handle().events().unwrap();
                    events.publish_as("thing", order).unwrap();
                    done += 1;
                    tokio::task::yield_now().await;
                }
                done
            })
        })
        .collect();
    for turn in 0..8 {
        service.reload(&more(turn)).await;
    }
    is_over.store(true, Relaxed);
    let mut done = 0;
    for caller in callers {
        done += caller.await.unwrap();
    }
    let app = &service.app;
    let page = app.metrics();
    let answered: f64 = page
        .lines()
        .filter(|line| line.starts_with("answered_total{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(answered, f64::from(done));
    // Events wait in a queue that is the plugin's, whichever instance takes them.
    while value(app, "happened_total", "") != Some(f64::from(done)) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
