//! What goes on as it is over a reload, and what does not.

use super::{config, until_serving};
use crate::scripted::{info, log, scripted, steps};
use chassis::{
    Background, Contributions, NoConfig, Plugin, PluginContext, Registration, ReloadAction, Result,
    prelude::*, testing::TestChassis,
};
use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

/// A service of `web -> pool` and `other`, whose configuration is in a file.
async fn service(file: &tempfile::NamedTempFile) -> TestChassis {
    TestChassis::builder()
        .register(scripted("web", &["pool"]))
        .register(scripted("pool", &[]))
        .register(scripted("other", &[]))
        .config_file(file.path())
        .start()
        .await
        .unwrap()
}

/// Writes sections; in each stands what is said of it, behind its log.
fn write(file: &tempfile::NamedTempFile, log: &str, sections: &[(&str, &str)]) {
    let mut yaml = "plugins:\n".to_owned();
    for name in ["web", "pool", "other"] {
        let said = sections.iter().find(|(of, _)| *of == name);
        let said = said.map_or("", |(_, said)| said);
        writeln!(yaml, "  {name}: {{config: {{log: {log}}}{said}}}").unwrap();
    }
    std::fs::write(file.path(), yaml).unwrap();
}

fn names(names: &[Arc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

#[tokio::test(start_paused = true)]
async fn only_what_has_changed_is_built_anew_and_what_requires_it() {
    let file = config("carried");
    write(&file, "carried", &[]);
    let app = service(&file).await;
    let begun = log("carried").len();

    // Nothing has changed: nothing is touched.
    let reloaded = app.reload().await.unwrap();
    assert_eq!(names(&reloaded.carried), ["other", "pool", "web"]);
    assert!(reloaded.rebuilt.is_empty() && reloaded.drained);
    assert_eq!(
        log("carried").len(),
        begun,
        "nothing was done with any of them"
    );
    assert_eq!(app.get("/web").await.status(), 200);

    // What requires what has changed is built anew with it.
    let yaml = "plugins:\n  web: {config: {log: carried}}\n  pool: {config: {log: carried-2}}\n  other: {config: {log: carried}}\n";
    std::fs::write(file.path(), yaml).unwrap();
    let reloaded = app.reload().await.unwrap();
    assert_eq!(names(&reloaded.carried), ["other"]);
    assert_eq!(names(&reloaded.rebuilt), ["pool", "web"]);
    assert_eq!(names(&reloaded.changed), ["pool"]);
    let why = |name: &str| {
        let mut instances = reloaded.instances.iter();
        let change = instances.find(|change| &*change.plugin == name).unwrap();
        change.why.clone().unwrap_or_default()
    };
    assert_eq!(why("pool"), "its settings have changed");
    assert_eq!(
        why("web"),
        "it requires `pool`, which does not go on as it is"
    );
    assert_eq!(steps("carried", "start"), ["other", "pool", "web", "web"]);
    assert_eq!(steps("carried", "stop"), ["web", "pool"]);
    assert_eq!(steps("carried", "drop"), ["web", "pool"]);

    // At the end each of those that live is stopped, once.
    drop(reloaded);
    app.stop().await;
    assert_eq!(steps("carried", "stop"), ["web", "pool", "web", "other"]);
    assert_eq!(steps("carried", "drop"), ["web", "pool", "web", "other"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_is_built_anew() {
    let file = config("asked");
    write(&file, "asked", &[]);
    let app = service(&file).await;
    let reloaded = app.handle().reload_plugin("pool").await.unwrap();
    assert_eq!(names(&reloaded.rebuilt), ["pool", "web"]);
    assert_eq!(names(&reloaded.carried), ["other"]);
    let reloaded = app.reload_all().await.unwrap();
    assert_eq!(names(&reloaded.rebuilt), ["other", "pool", "web"]);
    let error = app.handle().reload_plugin("poool").await.unwrap_err();
    assert!(error.report().contains("did you mean `pool`?"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_tells_and_touches_nothing() {
    let file = config("planned");
    write(&file, "planned", &[]);
    let app = service(&file).await;
    let begun = log("planned").len();
    write(
        &file,
        "planned",
        &[("web", ", enabled: false"), ("pool", ", tags: [db]")],
    );
    let plan = app.handle().reload_plan().await.unwrap();
    assert_eq!(names(&plan.removed), ["web"]);
    assert_eq!(names(&plan.carried), ["other", "pool"]);
    let pool = plan.instances.iter().find(|one| &*one.plugin == "pool");
    assert_eq!(pool.unwrap().settings, ["tags"]);
    assert_eq!(pool.unwrap().action, ReloadAction::Carried);
    assert_eq!(log("planned").len(), begun);
    assert_eq!(app.handle().generations().unwrap().len(), 1);
    assert_eq!(app.get("/web").await.status(), 200);
    // What is wrong is told as a reload would tell it.
    write(&file, "planned", &[("web", ", enabeld: false")]);
    let error = app.handle().reload_plan().await.unwrap_err();
    assert!(
        error.report().contains("did you mean `enabled`?"),
        "{error:?}"
    );
}

/// Adds its letter to a header, and counts how often it was built.
struct Letter<const LETTER: char>;

static BUILT: AtomicU64 = AtomicU64::new(0);

impl<const LETTER: char> Plugin for Letter<LETTER> {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        BUILT.fetch_add(1, SeqCst);
        Ok(Self)
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        to.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
            let mut letters = String::from_utf8_lossy(
                exchange
                    .response_headers()
                    .get("x-letters")
                    .map_or(&[][..], |value| value.as_bytes()),
            )
            .into_owned();
            letters.push(LETTER);
            let letters = HeaderValue::from_str(&letters).unwrap();
            exchange.response_headers_mut().insert("x-letters", letters);
        });
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_the_chassis_apply_to_what_goes_on() {
    let file = config("keys");
    std::fs::write(file.path(), "{}\n").unwrap();
    let app = TestChassis::builder()
        .register(Registration::new::<Letter<'a'>>(info("a")))
        .register(Registration::new::<Letter<'b'>>(info("b")))
        .config_file(file.path())
        .start()
        .await
        .unwrap();
    let letters = async || {
        let response = app.get("/nothing").await;
        response.headers()["x-letters"].to_str().unwrap().to_owned()
    };
    assert_eq!(letters().await, "ab");
    let yaml = "plugins:\n  b: {priority: -1, required: true, tags: [late]}\n";
    std::fs::write(file.path(), yaml).unwrap();
    let reloaded = app.reload().await.unwrap();
    assert_eq!(names(&reloaded.carried), ["a", "b"]);
    assert_eq!(letters().await, "ba");
    assert_eq!(BUILT.load(SeqCst), 2, "nothing was built anew");
    let report = app.handle().plugin("b").unwrap();
    assert!(report.required);
    assert_eq!(report.tags, ["late"]);
}

/// A plugin with a health check, a metric and something that it counts.
struct Counter(AtomicU64);

impl Plugin for Counter {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.health("count", async || Health::up().with("counts", true))
            .interval(Duration::from_secs(10));
        Ok(Self(AtomicU64::new(0)))
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let this = Arc::clone(self);
        to.get("/count", async move || {
            (this.0.fetch_add(1, SeqCst) + 1).to_string()
        });
        Ok(())
    }

    async fn start(self: &Arc<Self>, cx: &Background) -> Result<()> {
        let this = Arc::clone(self);
        cx.every("more", Duration::from_secs(60), move || {
            this.0.fetch_add(100, SeqCst);
            std::future::ready(Ok(()))
        });
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_keeps_its_state_its_tasks_its_figures_and_its_health() {
    let file = config("state");
    std::fs::write(file.path(), "{}\n").unwrap();
    let app = TestChassis::builder()
        .register(Registration::new::<Counter>(info("counter")))
        .config_file(file.path())
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/count").await.text(), "1");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let check = || app.handle().health_of_plugin("counter").unwrap().checks[0].clone();
    let before = check();
    let calls = |app: &TestChassis| {
        let report = app.handle().plugin("counter").unwrap();
        let route = report
            .contributions
            .iter()
            .find(|one| one.handler.contains("/count"));
        route.unwrap().stats.calls
    };
    assert_eq!(calls(&app), 1);
    let since = app.handle().plugin("counter").unwrap().since;

    std::fs::write(
        file.path(),
        "health: {checks: {counter/count: {interval: 20s}}}\n",
    )
    .unwrap();
    app.reload().await.unwrap();
    assert_eq!(app.get("/count").await.text(), "2");
    assert_eq!(calls(&app), 2);
    let after = check();
    assert_eq!(after.interval_ms, 20_000);
    assert_eq!((after.state, after.since), (before.state, before.since));
    assert_eq!(app.handle().plugin("counter").unwrap().since, since);
    // Its task goes on, too.
    tokio::time::sleep(Duration::from_secs(80)).await;
    assert_eq!(app.get("/count").await.text(), "103");

    // And the check is asked on the terms that are said now.
    std::fs::write(
        file.path(),
        "health: {checks: {counter/count: {interval: 0s}}}\n",
    )
    .unwrap();
    app.reload().await.unwrap();
    let off = app.handle().health_of_plugin("counter").unwrap();
    assert!(off.checks.is_empty(), "nobody asks it: {off:?}");
    std::fs::write(file.path(), "{}\n").unwrap();
    app.reload().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        check().age_ms.is_some_and(|age| age <= 1_000),
        "it is asked again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_reload_leaves_what_would_go_on_alone() {
    let file = config("left-alone");
    write(&file, "left-alone", &[]);
    let app = service(&file).await;
    let begun = log("left-alone").len();
    let yaml = "plugins:\n  web: {config: {log: left-alone, start: fail}}\n  pool: {config: {log: left-alone}}\n  other: {config: {log: left-alone}, required: true, tags: [new]}\n";
    std::fs::write(file.path(), yaml).unwrap();
    app.reload().await.unwrap_err();
    let log = log("left-alone");
    assert!(
        log[begun..].iter().all(|line| line.ends_with(" web")),
        "{log:?}"
    );
    assert_eq!(log.last().unwrap(), "drop web");
    let other = app.handle().plugin("other").unwrap();
    assert!(
        !other.required && other.tags.is_empty(),
        "nothing of it was taken"
    );
    for path in ["/web", "/pool", "/other"] {
        assert_eq!(app.get(path).await.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_stopped_only_when_every_generation_that_had_it_is_empty() {
    let file = config("older");
    write(&file, "older", &[]);
    let app = service(&file).await;
    // A request of generation 1, which sees `pool`.
    let held = app.handle().enter().unwrap();
    // Nothing is to be stopped: the reload waits for nobody.
    assert!(app.reload().await.unwrap().drained);
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_plugin("pool").await });
    until_serving(&app, 3).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        steps("older", "stop").is_empty(),
        "generation 1 is held still"
    );
    drop(held);
    assert!(reload.await.unwrap().unwrap().drained);
    assert_eq!(steps("older", "stop"), ["web", "pool"]);
}

/// What was disabled is built when it is enabled; what is removed is stopped.
#[tokio::test(start_paused = true)]
async fn who_comes_and_who_goes() {
    let file = config("comes");
    write(&file, "comes", &[("web", ", enabled: false")]);
    let app = service(&file).await;
    assert_eq!(app.get("/web").await.status(), 404);
    let reloaded = app.handle().enable("web").await.unwrap();
    assert_eq!(names(&reloaded.added), ["web"]);
    assert_eq!(names(&reloaded.carried), ["other", "pool"]);
    assert_eq!(app.get("/web").await.status(), 200);
    let reloaded = app.handle().disable("pool").await.unwrap();
    assert_eq!(names(&reloaded.removed), ["pool", "web"]);
    assert_eq!(names(&reloaded.not_running), ["web"], "it is blocked");
    let reloaded = app.handle().enable("pool").await.unwrap();
    assert_eq!(names(&reloaded.added), ["pool", "web"]);
    assert_eq!(app.get("/web").await.status(), 200);
}
