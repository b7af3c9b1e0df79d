//! Reloads, and the end of an instance.

use super::{Dial, after, health, one, round, state, store};
use crate::{made::plugin, scripted::info};
use chassis::{HealthState, PluginState, Registration, code, prelude::*, testing::TestChassis};
use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_reload_begins_anew_and_stays_ready() {
    let dial = Dial::new(Health::down("lost"));
    let app = TestChassis::builder()
        .register(store(&dial))
        .start()
        .await
        .unwrap();
    round().await;
    assert_eq!(one(&app, "store/database").consecutive_failures, 2);
    dial.turn(Health::up());
    round().await;
    assert!(app.handle().is_ready());
    app.reload_all().await.unwrap();
    let check = one(&app, "store/database");
    assert_eq!(
        (check.state, check.consecutive_failures),
        (HealthState::Up, 0),
        "it has answered before it serves"
    );
    assert!(app.handle().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_would_not_be_ready_is_given_up() {
    let dial = Dial::new(Health::up());
    let app = TestChassis::builder()
        .register(store(&dial))
        .start()
        .await
        .unwrap();
    after(1).await;
    dial.turn(Health::down("lost"));
    let error = app.reload_all().await.unwrap_err();
    assert_eq!(error.code(), code::RELOAD_FAILED);
    assert_eq!(
        (error.plugin(), error.place()),
        (Some("store"), Some("health.check"))
    );
    assert_eq!(
        error.message(),
        "the service would not be ready any more: the critical check `store/database` is down: lost"
    );
    // The old one has not been asked meanwhile, and serves on.
    assert!(app.handle().is_ready());
    assert_eq!(app.handle().enter().unwrap().generation(), 1);
    round().await;
    round().await;
    round().await;
    assert!(!app.handle().is_ready());
    // A reload can't make it worse now, and may be what mends it.
    app.reload_all().await.unwrap();
    assert!(!app.handle().is_ready());

    // Who is new has to be well, too.
    app.handle().disable("store").await.unwrap();
    assert!(app.handle().is_ready());
    let error = app.handle().enable("store").await.unwrap_err();
    assert_eq!(error.code(), code::RELOAD_FAILED);
    assert_eq!(app.state("store"), PluginState::Disabled);
    dial.turn(Health::up());
    app.handle().enable("store").await.unwrap();
    assert_eq!(state(&app, "store/database"), HealthState::Up);
}

#[tokio::test(start_paused = true)]
async fn a_reload_waits_for_critical_checks_and_for_no_others() {
    let hangs = |name: &'static str, is_critical: bool| {
        plugin(name, move |cx| {
            let hung = Arc::new(AtomicUsize::new(0));
            let check = cx.health("check", async move || {
                if hung.fetch_add(1, SeqCst) == 0 {
                    sleep(Duration::from_secs(3)).await;
                }
            });
            if is_critical {
                check.critical();
            }
        })
    };
    let app = TestChassis::builder()
        .register(hangs("slow", true))
        .register(hangs("aside", false))
        .start()
        .await
        .unwrap();
    after(4).await;
    let since = Instant::now();
    app.handle().reload_plugin("aside").await.unwrap();
    assert_eq!(since.elapsed(), Duration::ZERO);
    app.handle().reload_plugin("slow").await.unwrap();
    assert_eq!(since.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reload_mends_nothing_before_it_is_proved() {
    let dial = Dial::new(Health::down("lost"));
    let asked = dial.clone();
    let slow = plugin("slow", move |cx| {
        let dial = asked.clone();
        cx.health("database", async move || {
            sleep(Duration::from_secs(2)).await;
            dial.read()
        })
        .critical();
    });
    let app = TestChassis::builder().register(slow).start().await.unwrap();
    after(3).await;
    assert!(!app.handle().is_ready());
    app.reload_all().await.unwrap();
    assert_eq!(state(&app, "slow/database"), HealthState::Unknown);
    assert!(
        !app.handle().is_ready(),
        "it was down, and has not answered"
    );
    dial.turn(Health::up());
    after(3).await;
    assert!(app.handle().is_ready());
    for _ in 0..2 {
        app.reload_all().await.unwrap();
        assert_eq!(state(&app, "slow/database"), HealthState::Up);
        assert!(app.handle().is_ready(), "it was waited for");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_of_an_instance_that_has_stopped() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let store = plugin("store", move |cx| {
        let asked = Arc::clone(&asked);
        cx.health("check", async move || _ = asked.fetch_add(1, SeqCst));
    });
    let app = TestChassis::builder()
        .register(store)
        .start()
        .await
        .unwrap();
    after(1).await;
    app.reload_all().await.unwrap();
    after(1).await;
    assert_eq!(counted.load(SeqCst), 2);
    round().await;
    assert_eq!(counted.load(SeqCst), 3, "only the new one is asked");
    app.handle().disable("store").await.unwrap();
    assert_eq!(app.state("store"), PluginState::Disabled);
    assert!(health(&app).checks.is_empty());
    round().await;
    assert_eq!(counted.load(SeqCst), 3);
    // The closure ends with its instance.
    assert_eq!(Arc::strong_count(&counted), 2);
}

/// Can't start.
struct Broken;

static ASKED: AtomicUsize = AtomicUsize::new(0);

impl Plugin for Broken {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.health("check", async || _ = ASKED.fetch_add(1, SeqCst))
            .critical();
        Ok(Self)
    }

    async fn start(self: &Arc<Self>, _: &Background) -> Result<()> {
        tokio::time::sleep(Duration::from_secs(15)).await;
        Err(Error::msg("no"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_is_not_asked_before_its_plugin_has_started() {
    let broken = Registration::new::<Broken>(info("broken"));
    let app = TestChassis::builder()
        .register(broken)
        .start()
        .await
        .unwrap();
    round().await;
    assert_eq!(app.state("broken"), PluginState::Failed);
    assert_eq!(ASKED.load(SeqCst), 0);
    assert!(health(&app).checks.is_empty());
    assert!(
        app.handle().is_ready(),
        "nobody waits for the check of one that has failed"
    );
}
