//! Reloads, and the end of an instance.

use super::{Dial, after, health, one, round, state, store};
use crate::{made::plugin, scripted::info};
use chassis::{HealthState, PluginState, Registration, prelude::*, testing::TestChassis};
use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};
use tokio::time::sleep;

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
    // Nobody has answered in the new generation; that is no reason to send requests elsewhere.
    assert!(app.handle().is_ready());
    after(1).await;
    assert_eq!(state(&app, "store/database"), HealthState::Up);
    dial.turn(Health::down("lost"));
    app.reload_all().await.unwrap();
    after(1).await;
    let check = one(&app, "store/database");
    assert_eq!(
        (check.state, check.consecutive_failures),
        (HealthState::Down, 1)
    );
    assert!(!app.handle().is_ready(), "the first answer counts at once");
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
        assert_eq!(state(&app, "slow/database"), HealthState::Unknown);
        assert!(
            app.handle().is_ready(),
            "it was up before the first of them"
        );
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
