//! The keys of a plugin's section that are the chassis's: how long it may take, how much, and how it is found.

use crate::{client, scripted::scripted};
use chassis::{
    code,
    prelude::*,
    testing::{TestBuilder, TestChassis},
};
use std::time::Duration;
use tokio::sync::Semaphore;

/// A lookup that can take long.
#[extension_point]
static SLOW: ProviderPoint<u32, u64> = ProviderPoint::new("controls.slow");

/// Answers when it is let.
static DOOR: Semaphore = Semaphore::const_new(0);

/// Takes as long as it is asked to.
#[plugin(tags = ["slow"])]
async fn slow(cx: &mut PluginContext) -> Result<()> {
    cx.get("/slow/{seconds}", async |Path(seconds): Path<u64>| {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        "done"
    });
    cx.get("/door", async || {
        if let Ok(permit) = DOOR.acquire().await {
            permit.forget();
        }
        "in"
    });
    cx.provide(&SLOW, async |seconds: &u64| {
        tokio::time::sleep(Duration::from_secs(*seconds)).await;
        Ok::<_, Error>(7)
    });
    cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {});
    Ok(())
}

fn service(section: &str) -> TestBuilder {
    let yaml = format!("plugins:\n  slow:\n    {section}\n");
    TestChassis::with::<slow>().config(yaml)
}

#[tokio::test(start_paused = true)]
async fn a_deadline_of_calls_holds_for_routes_and_points() {
    let app = service("deadlines: {call: 3s}").start().await.unwrap();
    assert_eq!(app.get("/slow/2").await.text(), "done");
    let late = app.get("/slow/4").await;
    assert_eq!(late.status(), 504);
    assert!(late.error().unwrap().message().contains("deadline of 3s"));
    let scope = app.handle().enter().unwrap();
    assert_eq!(SLOW.ask(&scope, &4).await.failed[0].code(), code::DEADLINE);

    let section = "deadlines: {call: 3s}\n    points: {controls.slow: {deadline: 10s}}";
    let app = service(section).start().await.unwrap();
    let scope = app.handle().enter().unwrap();
    assert_eq!(SLOW.ask(&scope, &9).await.answers[0].value, 7);
    assert_eq!(app.get("/slow/4").await.status(), 504);
}

#[tokio::test]
async fn a_deadline_where_nobody_awaits_is_refused_at_its_place() {
    let section = "points: {middleware.pre_request: {deadline: 1s}}";
    let error = service(section).start_error().await;
    assert_eq!(error.origin(), Some("test.yaml:3:14"));
    assert!(error.message().contains("does not await"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn deadlines_of_steps_are_those_of_the_section() {
    let app = TestChassis::builder()
        .register(scripted("patient", &[]))
        .register(scripted("hasty", &[]))
        .config(
            "\
lifecycle: {init_deadline: 20s}
plugins:
  patient: {config: {log: controls, init: hang}}
  hasty: {config: {log: controls, init: hang}, deadlines: {init: 5s, start: 1s}}
",
        );
    let app = app.start().await.unwrap();
    let error = |name: &str| {
        let report = app.handle().plugin(name).unwrap();
        report.last_error().unwrap().to_owned()
    };
    assert!(error("patient").contains("deadline of 20s"));
    assert!(error("hasty").contains("deadline of 5s"));
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_the_limit() {
    let app = service("limits: {in_flight: 2}").start().await.unwrap();
    let mut calls: Vec<_> = (0..3).map(|_| Box::pin(app.get("/door"))).collect();
    // Both are inside before the third comes.
    for call in &mut calls[..2] {
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    let third = calls.pop().unwrap().await;
    assert_eq!(third.status(), 503);
    let problem: serde_json::Value = third.json();
    assert_eq!(problem["code"], "plugin.busy");
    DOOR.add_permits(3);
    for call in calls {
        assert_eq!(call.await.text(), "in");
    }
    assert_eq!(
        app.get("/door").await.text(),
        "in",
        "and there is room again"
    );

    let error = service("limits: {in_flight: 0}").start_error().await;
    assert!(error.message().contains("1 or more"), "{error}");
}

#[tokio::test]
async fn plugins_are_found_by_their_tags() {
    let yaml = "plugins: {slow: {tags: [payments]}, other: {tags: [payments]}}";
    let builder = client::service([scripted("other", &[])]).plugin::<slow>();
    let running = client::start(builder.config_text("c.yaml", yaml)).await;
    let management = running.management_address().unwrap();
    for (query, names) in [
        ("tag=payments", &["other", "slow"][..]),
        ("tag=slow", &["slow"]),
        ("tag=none", &[]),
        ("q=payments", &["other", "slow"]),
    ] {
        let mut raw = client::Raw::management(management).await;
        let plugins = raw.get(&format!("/plugins?{query}")).await.json();
        let found: Vec<_> = plugins
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["name"])
            .collect();
        assert_eq!(found, names, "{query}");
    }
    running.stop().await;
}
