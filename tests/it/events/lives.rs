//! Events over the life of plugins and generations.

use super::*;
use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};
use tokio::sync::Semaphore;

#[tokio::test(start_paused = true)]
async fn the_order_is_kept_over_a_reload_and_nothing_is_lost() {
    static GATE: Semaphore = Semaphore::const_new(0);
    static BUILT: AtomicU32 = AtomicU32::new(0);
    let log = Log::new();
    let to = log.clone();
    let counter = plugin("counter", move |cx| {
        let (to, built) = (to.clone(), BUILT.fetch_add(1, SeqCst) + 1);
        cx.subscribe(async move |order: Arc<OrderPlaced>| {
            GATE.acquire().await.unwrap().forget();
            to.note(format!("{} by {built}", order.number));
        })
        .deadline(Duration::from_secs(3600));
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(counter);
    let app = app.start().await.unwrap();
    for number in 1..=3 {
        order(&app, number).await;
    }
    // The first is in the hands of the old instance, which finishes it; the new one takes the rest.
    tokio::task::yield_now().await;
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_all().await });
    while app.handle().enter().unwrap().generation() < 2 {
        tokio::task::yield_now().await;
    }
    order(&app, 4).await;
    GATE.add_permits(4);
    let reloaded = reload.await.unwrap().unwrap();
    assert!(reloaded.drained);
    log.until(4).await;
    assert_eq!(log.lines(), ["1 by 1", "2 by 2", "3 by 2", "4 by 2"]);
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_gone_is_told_nothing() {
    let log = Log::new();
    let to = log.clone();
    let listener = plugin("listener", move |cx| {
        let to = to.clone();
        cx.subscribe(async move |order: Arc<OrderPlaced>| to.note(order.number.to_string()));
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(listener);
    let app = app.start().await.unwrap();
    assert_eq!(order(&app, 1).await, "1 0");
    log.until(1).await;
    app.handle().disable("listener").await.unwrap();
    assert_eq!(order(&app, 2).await, "0 0");
    let report = app.handle().events_report().unwrap();
    assert!(report.subscribers.is_empty() && report.topics["order.placed"].published == 2);
    app.handle().enable("listener").await.unwrap();
    assert_eq!(order(&app, 3).await, "1 0");
    app.stop().await;
    assert_eq!(log.lines(), ["1", "3"]);
}

#[tokio::test(start_paused = true)]
async fn queues_run_empty_before_the_plugins_stop() {
    let log = Log::new();
    let to = log.clone();
    let worker = plugin("worker", move |cx| {
        let to = to.clone();
        cx.subscribe(async move |order: Arc<OrderPlaced>| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            to.note(order.number.to_string());
        });
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(worker);
    let app = app.start().await.unwrap();
    for number in 1..=5 {
        order(&app, number).await;
    }
    let events = app.handle().events().unwrap();
    assert!(app.stop().await.is_empty());
    assert_eq!(log.lines(), ["1", "2", "3", "4", "5"]);
    assert_eq!(
        events
            .publish(OrderPlaced { number: 6 })
            .unwrap_err()
            .code(),
        chassis::code::CLOSED
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_in_time_is_an_error_of_the_stop() {
    let stuck = plugin("stuck", |cx| {
        cx.subscribe(async |_: Arc<OrderPlaced>| std::future::pending::<()>().await)
            .deadline(Duration::from_secs(3600));
    });
    let app = TestChassis::builder().register(publisher()).register(stuck);
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    order(&app, 2).await;
    let errors = app.stop().await;
    let told: Vec<String> = errors.iter().map(Error::report).collect();
    assert!(
        told.iter()
            .any(|told| told.contains("2 events were not delivered")),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_before_a_generation_serves() {
    let log = Log::new();
    let to = log.clone();
    let eager = plugin("eager", move |cx| {
        let events = cx.background().events();
        let early = events.publish(OrderPlaced { number: 1 });
        to.note(early.unwrap_err().code().to_string());
        let (to, background) = (to.clone(), cx.background().clone());
        cx.background().spawn("late", async move {
            background.serving().await;
            let published = events.publish(OrderPlaced { number: 2 })?;
            to.note(format!("queued for {}", published.queued));
            Ok(())
        });
        cx.subscribe(async |_: Arc<OrderPlaced>| ());
    });
    let app = TestChassis::builder()
        .register(eager)
        .start()
        .await
        .unwrap();
    log.until(2).await;
    assert_eq!(log.lines(), ["closed", "queued for 1"]);
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_chassis_tells_of_requests() {
    let log = Log::new();
    let to = log.clone();
    let audit = plugin("audit", move |cx| {
        let to = to.clone();
        cx.on(
            "request.*",
            async move |(request, message): (Arc<Value>, Message)| {
                let [method, route, plugin] = ["method", "route", "plugin"]
                    .map(|key| request[key].as_str().unwrap_or("-").to_owned());
                let (status, id) = (&request["status"], message.request_id());
                assert!(request["duration_ms"].is_number() && id.is_some());
                to.note(format!(
                    "{} {method} {route} of {plugin}: {status}",
                    message.topic()
                ));
            },
        );
    });
    let broken = plugin("broken", |cx| {
        cx.get("/broken/{id}", async |Path(_): Path<u64>| {
            Err::<(), _>(Error::msg("no"))
        });
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(audit)
        .register(broken);
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    app.get("/nowhere").await;
    app.get("/broken/1").await;
    log.until(3).await;
    assert_eq!(
        log.lines(),
        [
            "request.completed POST /orders/{number} of shop: 200",
            "request.completed GET - of -: 404",
            "request.failed GET /broken/{id} of broken: 500",
        ]
    );
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_chassis_tells_of_the_moments_of_plugins_and_of_itself() {
    let log = Log::new();
    let to = log.clone();
    let audit = plugin("audit", move |cx| {
        let to = to.clone();
        cx.on(
            "**",
            async move |(moment, message): (Arc<Value>, Message)| {
                let plugin = moment["plugin"].as_str().unwrap_or_default();
                to.note(format!("{} {plugin}", message.topic()).trim().to_owned());
            },
        );
    });
    let app = TestChassis::builder()
        .register(audit)
        .start()
        .await
        .unwrap();
    log.wait("event of the chassis", |all| {
        all.iter().any(|line| line == "chassis.started")
    })
    .await;
    let at_start = [
        "plugin.loaded audit",
        "plugin.starting audit",
        "plugin.started audit",
        "chassis.started",
    ];
    let mut lines = log.lines();
    // That is another story: see `services`.
    lines.retain(|line| line != "service.registered");
    assert_eq!(lines, at_start);
    app.reload_all().await.unwrap();
    app.stop().await;
    let lines = log.lines();
    let count = |wanted: &str| lines.iter().filter(|line| *line == wanted).count();
    let reloaded = (
        count("plugin.started audit"),
        count("plugin.reloaded audit"),
    );
    assert_eq!(reloaded, (2, 1));
    assert_eq!(
        (count("plugin.stopped audit"), count("chassis.stopping")),
        (1, 1),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn several_handlers_may_be_written_at_one_place() {
    let log = Log::new();
    let to = log.clone();
    let sinks = plugin("sinks", move |cx| {
        for name in ["one", "two"] {
            let to = to.clone();
            cx.subscribe(async move |order: Arc<OrderPlaced>| {
                to.note(format!("{name} {}", order.number));
            });
        }
    });
    let app = TestChassis::builder().register(publisher()).register(sinks);
    let app = app.start().await.unwrap();
    order(&app, 7).await;
    app.stop().await;
    assert_eq!(log.lines(), ["one 7", "two 7"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_generation_that_never_serves_nobody_is_told() {
    let log = Log::new();
    let to = log.clone();
    let audit = plugin("audit", move |cx| {
        let to = to.clone();
        cx.on("plugin.*", async move |moment: Arc<Value>| {
            to.note(&moment["generation"]);
        });
    });
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), "").unwrap();
    let app = TestChassis::builder()
        .register(audit)
        .register(crate::scripted::scripted("fragile", &[]))
        .config_file(file.path());
    let app = app.start().await.unwrap();
    log.until(6).await;
    // It is to have a queue of another size, and a plugin that fails.
    let poisoned = "events: {queue: 1}\nplugins: {fragile: {config: {start: fail}}}\n";
    std::fs::write(file.path(), poisoned).unwrap();
    app.reload_all().await.unwrap_err();
    let report = app.handle().events_report().unwrap();
    assert_eq!(report.subscribers["audit"].capacity, 1024);
    assert!(app.stop().await.is_empty());
    assert!(
        log.lines().iter().all(|generation| generation == "1"),
        "{:?}",
        log.lines()
    );
}

#[tokio::test(start_paused = true)]
async fn the_chassis_tells_of_changes_of_the_configuration_and_of_no_other_reload() {
    let log = Log::new();
    let to = log.clone();
    let audit = plugin("audit", move |cx| {
        let to = to.clone();
        cx.on("config.changed", async move |reloaded: Arc<Value>| {
            to.note(&reloaded["generation"]);
        });
    });
    let app = TestChassis::builder().register(publisher()).register(audit);
    let app = app.start().await.unwrap();
    app.reload_all().await.unwrap();
    app.handle().disable("shop").await.unwrap();
    app.stop().await;
    assert_eq!(log.lines(), ["3"]);
}
