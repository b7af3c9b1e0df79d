//! What is asked for together, and the controls of single checks.

use super::{Dial, after, health, one, round, state, store};
use crate::made::plugin;
use chassis::{
    Health, HealthState, code,
    testing::{TestBuilder, TestChassis},
};

fn shop(config: &str) -> TestBuilder {
    let cache = plugin("cache", |cx| {
        cx.health("hits", async || Health::down("none"))
            .group("storage");
        cx.health("size", async || {});
    });
    let dial = Dial::new(Health::up());
    TestChassis::builder()
        .register(store(&dial))
        .register(cache)
        .config(config)
}

#[tokio::test(start_paused = true)]
async fn a_group_is_as_well_as_the_worst_of_its_members() {
    let app = shop("health: {groups: {storage: [store], memory: [cache/size, store/database]}}")
        .start()
        .await
        .unwrap();
    let group = |name: &str| app.handle().health_of_group(name).unwrap();
    assert_eq!(group("memory").state, HealthState::Unknown);
    assert!(!group("memory").healthy, "nobody has answered yet");
    after(1).await;
    let memory = group("memory");
    let names: Vec<&str> = memory.checks.iter().map(|check| &*check.name).collect();
    assert_eq!(
        (memory.state, names),
        (HealthState::Up, vec!["cache/size", "store/database"])
    );
    // What the configuration says, and what authors do: one of them is down, critical or not.
    let storage = group("storage");
    assert_eq!(
        (storage.state, storage.checks.len()),
        (HealthState::Down, 2)
    );
    assert_eq!(
        storage.reason.as_deref(),
        Some("`cache/hits` is down: none")
    );

    let error = app.handle().health_of_group("storge").unwrap_err();
    assert_eq!(
        (error.code(), error.help()),
        (code::NOT_FOUND, Some("did you mean `storage`?"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_names_what_is_there() {
    for (config, origin, message, help) in [
        (
            "health:\n  groups:\n    storage: [store/databse]",
            "test.yaml:3:14",
            "`health.groups.storage[0]`: there is no check or plugin `store/databse`",
            "did you mean `store/database`?",
        ),
        (
            "health:\n  groups:\n    storage: [stor]",
            "test.yaml:3:14",
            "`health.groups.storage[0]`: there is no check or plugin `stor`",
            "did you mean `store`?",
        ),
        (
            "health:\n  checks:\n    cache/hit: {critical: true}",
            "test.yaml:3:16",
            "`health.checks.cache/hit`: there is no check `cache/hit`",
            "did you mean `cache/hits`?",
        ),
        (
            "health:\n  groups:\n    ready: [store]",
            "test.yaml:3:5",
            "`health.groups.ready`: `ready` means something else there",
            "give the group another name",
        ),
        (
            "health:\n  deadline: 0s",
            "test.yaml:2:13",
            "`health.deadline`: no time at all: no check could answer",
            "write a longer time; `interval: 0s` is what never asks",
        ),
    ] {
        let error = shop(config).start_error().await;
        assert_eq!(error.message(), message);
        assert_eq!(
            (error.origin(), error.help()),
            (Some(origin), Some(help)),
            "{message}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn checks_of_a_plugin_that_does_not_run_can_be_named() {
    let config = "{health: {groups: {storage: [store/database, cache/size]}}, plugins: {store: {enabled: false}}}";
    let app = shop(config).start().await.unwrap();
    after(1).await;
    let storage = app.handle().health_of_group("storage").unwrap();
    assert_eq!(storage.checks.len(), 2, "{storage:?}");
    let all = health(&app);
    assert!(all.checks.iter().all(|check| &*check.plugin == "cache"));
    assert!(
        app.handle().is_ready(),
        "who is switched off is not waited for"
    );
}

#[tokio::test(start_paused = true)]
async fn an_interval_of_zero_never_asks() {
    let app = shop("health: {interval: 0s}").start().await.unwrap();
    round().await;
    assert!(health(&app).checks.is_empty() && health(&app).healthy);
    assert!(app.handle().is_ready(), "nobody waits for it");

    let app = shop("health: {checks: {cache/hits: {interval: 0s}}}")
        .start()
        .await
        .unwrap();
    round().await;
    assert_eq!(health(&app).checks.len(), 2);
    assert_eq!(health(&app).state, HealthState::Up);
    assert!(app.handle().health_of_group("storage").unwrap().healthy);
}

#[tokio::test(start_paused = true)]
async fn operators_have_the_last_word_on_a_check() {
    let dial = Dial::new(Health::up());
    let app = TestChassis::builder()
        .register(store(&dial))
        .config("health: {checks: {store/database: {interval: 1m, deadline: 1s, failure_threshold: 1, critical: false}}}")
        .start()
        .await
        .unwrap();
    after(1).await;
    let check = one(&app, "store/database");
    assert_eq!((check.interval_ms, check.deadline_ms), (60_000, 1_000));
    dial.turn(Health::down("lost"));
    after(67).await;
    assert_eq!(state(&app, "store/database"), HealthState::Down);
    assert_eq!(health(&app).state, HealthState::Degraded);
    assert!(app.handle().is_ready());
}
