//! What all checks come to: for the service, for probes, for a plugin's state.

use super::{Dial, after, health, round, store};
use crate::{
    made::{plugin, plugin_requiring},
    scripted::scripted,
};
use chassis::{Health, HealthState, PluginState, testing::TestChassis};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_service_without_checks_is_healthy() {
    let app = TestChassis::builder()
        .register(scripted("plain", &[]))
        .start()
        .await
        .unwrap();
    let report = health(&app);
    assert_eq!((report.state, report.status), (HealthState::Up, "healthy"));
    assert!(report.checks.is_empty() && report.reason.is_none());
    assert!(app.handle().is_ready());
    assert_eq!(app.handle().plugin("plain").unwrap().health, None);
    let report = app.handle().health_of_plugin("plain").unwrap();
    assert_eq!(report.state, HealthState::Up);
}

#[tokio::test(start_paused = true)]
async fn a_critical_check_takes_readiness_and_not_liveness() {
    let dial = Dial::new(Health::up());
    let app = TestChassis::builder()
        .register(store(&dial))
        .start()
        .await
        .unwrap();
    let handle = app.handle();
    round().await;
    assert!(handle.is_ready());
    dial.turn(Health::down("connection refused"));
    for _ in 0..3 {
        round().await;
    }
    let ready = handle.readiness().unwrap();
    let why = "`store/database` is down: connection refused";
    assert_eq!((ready.healthy, ready.reason.as_deref()), (false, Some(why)));
    assert!(handle.liveness().unwrap().healthy && handle.startup().unwrap().healthy);
    let report = health(&app);
    assert_eq!(
        (report.state, report.reason.as_deref()),
        (HealthState::Down, Some(why))
    );
    assert!(!handle.info().unwrap().ready);
    dial.turn(Health::up());
    round().await;
    assert!(handle.is_ready() && health(&app).healthy);
}

#[tokio::test(start_paused = true)]
async fn readiness_waits_for_the_first_answer_of_a_critical_check() {
    let slow = plugin("slow", |cx| {
        cx.health("check", async || {
            tokio::time::sleep(Duration::from_secs(3)).await;
        })
        .critical();
        cx.health("other", async || std::future::pending::<()>().await);
    });
    let app = TestChassis::builder().register(slow).start().await.unwrap();
    after(2).await;
    let ready = app.handle().readiness().unwrap();
    let why = "`slow/check` is unknown: it has not answered yet";
    assert_eq!(ready.reason.as_deref(), Some(why));
    assert!(app.handle().startup().unwrap().healthy);
    assert_eq!(health(&app).state, HealthState::Up, "nothing is wrong");
    after(2).await;
    assert!(app.handle().is_ready());
}

#[tokio::test(start_paused = true)]
async fn other_checks_and_plugins_only_degrade() {
    let dial = Dial::new(Health::down("lost"));
    let turned = dial.clone();
    let cache = plugin("cache", move |cx| _ = dial.check(cx, "hits"));
    let app = TestChassis::builder()
        .register(cache)
        .start()
        .await
        .unwrap();
    after(1).await;
    let report = health(&app);
    assert_eq!(
        (report.state, report.status),
        (HealthState::Degraded, "degraded")
    );
    assert!(report.healthy && app.handle().is_ready());
    turned.turn(Health::degraded("few hits"));
    round().await;
    let reason = health(&app).reason;
    assert_eq!(
        reason.as_deref(),
        Some("`cache/hits` is degraded: few hits")
    );

    let app = TestChassis::builder()
        .register(scripted("broken", &[]))
        .set("plugins.broken.config.init", "fail")
        .start()
        .await
        .unwrap();
    let report = health(&app);
    assert_eq!(report.state, HealthState::Degraded);
    assert!(report.reason.unwrap().starts_with("`broken` is failed: "));
    let report = app.handle().health_of_plugin("broken").unwrap();
    assert_eq!((report.state, report.healthy), (HealthState::Down, false));
}

#[tokio::test(start_paused = true)]
async fn only_checks_that_say_so_take_liveness() {
    let dial = Dial::new(Health::down("deadlock"));
    let stuck = plugin("stuck", move |cx| _ = dial.check(cx, "worker").liveness());
    let app = TestChassis::builder()
        .register(stuck)
        .start()
        .await
        .unwrap();
    after(1).await;
    let live = app.handle().liveness().unwrap();
    assert_eq!(
        live.reason.as_deref(),
        Some("`stuck/worker` is down: deadlock")
    );
    assert!(!live.healthy && app.handle().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_plugin_is_degraded_as_long_as_a_check_of_it_is() {
    let dial = Dial::new(Health::degraded("slow"));
    let turned = dial.clone();
    let store = plugin("store", move |cx| {
        dial.check(cx, "database");
        cx.get("/store", async || "open");
    });
    // Starts after the first answer.
    let web = plugin_requiring("web", &["store"], |cx| {
        cx.get("/web", async || "open");
    });
    let app = TestChassis::builder()
        .register(store)
        .register(web)
        .start()
        .await
        .unwrap();
    after(1).await;
    let report = app.handle().plugin("store").unwrap();
    assert_eq!(
        (report.state, report.health),
        (PluginState::Degraded, Some(HealthState::Degraded))
    );
    assert_eq!(
        report.reason(),
        Some("its check `database` is degraded: slow")
    );
    assert_eq!(app.state("web"), PluginState::Running);
    for path in ["/store", "/web"] {
        assert_eq!(
            app.get(path).await.text(),
            "open",
            "it is asked all the same"
        );
    }
    app.reload_all().await.expect("a degraded plugin runs");
    turned.turn(Health::up());
    round().await;
    let report = app.handle().plugin("store").unwrap();
    assert_eq!(
        (report.state, report.reason()),
        (PluginState::Running, None)
    );
}
