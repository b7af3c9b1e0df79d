//! The ways to contribute a check, and mistakes in it.

use super::{after, health, one};
use crate::{made::plugin, scripted::info};
use chassis::{HealthState, PluginState, Registration, prelude::*, testing::TestChassis};
use serde_json::json;

/// Has checks of all sorts.
#[plugin]
struct Warehouse;

impl Plugin for Warehouse {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Warehouse {
    #[health(
        interval = "30s",
        deadline = "2s",
        failures = 2,
        successes = 4,
        critical,
        liveness,
        group = ["storage", "all-of-it"]
    )]
    async fn shelves(&self) -> Health {
        Health::up().with("free", 7)
    }

    #[health(name = "front-door")]
    async fn door(&self) -> Result<(), std::io::Error> {
        Err(std::io::Error::other("it is jammed"))
    }

    #[health]
    async fn light(self: &Arc<Self>) {}

    #[provide(points::HEALTH_CHECK)]
    async fn heating(&self) -> Result<Health> {
        Ok(Health::degraded("cold"))
    }

    #[provide("health.check")]
    async fn lift(&self) -> Result<serde_json::Value> {
        Ok(json!({"state": "down", "message": "stuck", "details": {"floor": 3}}))
    }
}

#[tokio::test(start_paused = true)]
async fn methods_and_handlers_at_the_point_are_checks() {
    let app = TestChassis::with::<Warehouse>().start().await.unwrap();
    after(1).await;
    let names: Vec<String> = health(&app)
        .checks
        .into_iter()
        .map(|check| check.name)
        .collect();
    let all = ["shelves", "front-door", "light", "heating", "lift"];
    assert_eq!(names, all.map(|name| format!("warehouse/{name}")));

    let shelves = one(&app, "warehouse/shelves");
    assert_eq!(
        (shelves.state, &shelves.details["free"]),
        (HealthState::Up, &json!(7))
    );
    assert_eq!((shelves.interval_ms, shelves.deadline_ms), (30_000, 2_000));
    assert!(shelves.critical && shelves.liveness);
    for group in ["storage", "all-of-it"] {
        assert!(app.handle().health_of_group(group).unwrap().healthy);
    }

    let door = one(&app, "warehouse/front-door");
    assert_eq!(
        (door.state, door.message.as_deref()),
        (HealthState::Down, Some("it is jammed"))
    );
    assert_eq!((door.interval_ms, door.deadline_ms), (10_000, 5_000));
    assert_eq!(one(&app, "warehouse/light").state, HealthState::Up);
    assert_eq!(
        one(&app, "warehouse/heating").message.as_deref(),
        Some("cold")
    );
    let lift = one(&app, "warehouse/lift");
    assert_eq!(
        (lift.state, &lift.details["floor"]),
        (HealthState::Down, &json!(3))
    );

    assert_eq!(app.handle().plugin("warehouse").unwrap().roles, ["health"]);
}

#[tokio::test(start_paused = true)]
async fn handlers_without_a_name_are_told_apart() {
    let two = plugin("two", |cx| {
        for _ in 0..2 {
            cx.provide(&points::HEALTH_CHECK, async |_: &()| {
                Ok::<_, Error>(Health::up())
            });
        }
        cx.health("health", async || Health::degraded("mine"));
    });
    let app = TestChassis::builder().register(two).start().await.unwrap();
    after(1).await;
    // Who has a name keeps it.
    assert_eq!(one(&app, "two/health").state, HealthState::Degraded);
    assert_eq!(one(&app, "two/health-2").state, HealthState::Up);
    assert_eq!(one(&app, "two/health-3").state, HealthState::Up);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_health_is_down() {
    let odd = plugin("odd", |cx| {
        cx.at("health.check")
            .provide(async |_: &serde_json::Value| Ok::<_, Error>(json!({"healthy": true})));
    });
    let app = TestChassis::builder().register(odd).start().await.unwrap();
    after(1).await;
    let check = one(&app, "odd/health");
    assert_eq!(check.state, HealthState::Down);
    let message = check.message.unwrap();
    assert!(message.contains("healthy"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_has_bounds() {
    let wordy = plugin("wordy", |cx| {
        cx.health("check", async || {
            Health::degraded("ä".repeat(10_000)).with("all", "x".repeat(100_000))
        });
    });
    let app = TestChassis::builder()
        .register(wordy)
        .start()
        .await
        .unwrap();
    after(1).await;
    let check = one(&app, "wordy/check");
    assert_eq!(check.message.unwrap().len(), 4_096);
    let why = "left out: 100010 bytes, and 16384 may be";
    assert_eq!(check.details["details"], why);
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_and_can_stand_in_a_path() {
    for (put, told) in [
        (
            plugin("same", |cx| {
                cx.health("check", async || {});
                cx.health("check", async || {});
            }),
            "there are two health checks `check`",
        ),
        (
            plugin("odd-name", |cx| _ = cx.health("a/b", async || {})),
            "`a/b` is not the name of a health check",
        ),
        (
            plugin("odd-group", |cx| {
                _ = cx.health("check", async || {}).group("ready");
            }),
            "`ready` is not the name of a group of health checks",
        ),
    ] {
        let name = put.info().name.clone();
        let app = TestChassis::builder().register(put).start().await.unwrap();
        assert_eq!(app.state(&name), PluginState::Failed);
        let report = app.handle().plugin(&name).unwrap();
        let reason = report.reason().unwrap_or_default();
        assert!(
            reason.contains(told) && reason.contains("ways.rs:"),
            "{reason}"
        );
    }
}

/// Contributes by hand.
struct ByHand;

impl Plugin for ByHand {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }

    fn contribute(self: &Arc<Self>, to: &mut chassis::Contributions) -> Result<()> {
        to.health("check", async || Ok::<_, Error>(Health::up()));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn two_instances_have_checks_of_their_own() {
    let app = TestChassis::builder()
        .register(Registration::new::<ByHand>(info("sql")))
        .config("plugins: {reporting: {use: sql}}")
        .start()
        .await
        .unwrap();
    after(1).await;
    for name in ["sql/check", "reporting/check"] {
        assert_eq!(one(&app, name).state, HealthState::Up);
    }
}
