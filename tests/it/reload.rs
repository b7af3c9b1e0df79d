//! Reload: make before break, truthful answers, leases, moments.

mod addresses;
mod away;
mod carried;
mod exclusive;
mod guards;
mod hand_over;
mod probation;
mod rejected;
mod taken_back;
mod states;
mod streams;
mod many;
mod poisoned;
mod poisons;
mod stamps;

use crate::scripted::{scripted, steps};
use chassis::{
    GenerationState, code,
    points::{
        CHASSIS_STARTED, CHASSIS_STOPPING, ChassisMoment, PLUGIN_FAILED, PLUGIN_LOADED,
        PLUGIN_STARTED, PLUGIN_STARTING, PLUGIN_STOPPED, PLUGIN_STOPPING, PluginMoment,
    },
    prelude::{PluginContext, Result, plugin},
    testing::TestChassis,
};
use http::Request;
use http_body_util::BodyExt as _;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A service whose configuration is in a file that the test can change.
async fn service(file: &tempfile::NamedTempFile) -> TestChassis {
    TestChassis::builder()
        .register(scripted("web", &["pool"]))
        .register(scripted("pool", &[]))
        .config_file(file.path())
        .start()
        .await
        .unwrap()
}

fn write(file: &tempfile::NamedTempFile, log: &str) {
    let yaml = format!(
        "plugins:\n  web: {{config: {{log: {log}}}}}\n  pool: {{config: {{log: {log}}}}}\n"
    );
    std::fs::write(file.path(), yaml).unwrap();
}

fn config(log: &str) -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    write(&file, log);
    file
}

/// Waits until a generation serves.
async fn until_serving(app: &TestChassis, number: u64) {
    let serves = async {
        while app.handle().enter().unwrap().generation() < number {
            tokio::task::yield_now().await;
        }
    };
    let served = tokio::time::timeout(Duration::from_secs(5), serves).await;
    served.expect("the reload gets that far");
}

#[tokio::test(start_paused = true)]
async fn the_new_generation_serves_before_the_old_one_stops() {
    let file = config("make-before-break");
    let app = service(&file).await;
    let reloaded = app.reload_all().await.unwrap();
    assert_eq!(
        (reloaded.generation, reloaded.previous, reloaded.drained),
        (2, 1, true)
    );
    assert_eq!(
        reloaded
            .rebuilt
            .iter()
            .map(|name| &**name)
            .collect::<Vec<_>>(),
        ["pool", "web"]
    );
    assert!(
        reloaded.added.is_empty() && reloaded.removed.is_empty() && reloaded.not_running.is_empty()
    );
    assert_eq!(
        steps("make-before-break", "start"),
        ["pool", "web", "pool", "web"]
    );
    assert_eq!(steps("make-before-break", "stop"), ["web", "pool"]);
    assert_eq!(
        steps("make-before-break", "drop"),
        ["web", "pool"],
        "nothing of the old ones is left"
    );
    assert_eq!(app.get("/web").await.status(), 200);
    let states: Vec<_> = app
        .handle()
        .generations()
        .unwrap()
        .iter()
        .map(|one| (one.number, one.state))
        .collect();
    assert_eq!(
        states,
        [(2, GenerationState::Serving), (1, GenerationState::Gone)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_fails_leaves_the_old_generation_serving() {
    for (name, web, told) in [
        ("bad-key", "config: {innit: fail}", "did you mean `init`?"),
        ("bad-value", "config: {init: never}", "never"),
        ("bad-control", "enabeld: false", "did you mean `enabled`?"),
        (
            "fails",
            "required: true, config: {log: fails, init: fail}",
            "`web` is required, but it is failed",
        ),
        (
            "fails-softly",
            "config: {log: fails-softly, init: panic}",
            "`web` runs now, and would not any more",
        ),
        (
            "fails-late",
            "required: true, config: {log: fails-late, start: fail}",
            "start was told to fail",
        ),
    ] {
        let file = config(name);
        let app = service(&file).await;
        let yaml = format!("plugins:\n  web: {{{web}}}\n  pool: {{config: {{log: {name}}}}}\n");
        std::fs::write(file.path(), yaml).unwrap();
        let error = app.reload_all().await.unwrap_err();
        assert!(error.report().contains(told), "{name}: {}", error.report());
        assert_eq!(app.get("/web").await.status(), 200, "{name}");
        assert_eq!(app.handle().generations().unwrap().len(), 1, "{name}");
        assert!(!steps(name, "stop").contains(&"web".to_owned()), "{name}");
        // Once it is mended, the next reload works.
        write(&file, name);
        assert_eq!(app.reload_all().await.unwrap().generation, 2, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_need_a_restart_are_refused_by_name() {
    let file = config("restart");
    let app = service(&file).await;
    std::fs::write(file.path(), "server: {max_connections: 1}\n").unwrap();
    let error = app.reload_all().await.unwrap_err();
    assert_eq!(error.code(), code::NEEDS_RESTART);
    assert!(
        error.message().contains("`server.max_connections`"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_holds_its_generation_to_the_last_byte_of_its_body() {
    let file = config("holds");
    let app = service(&file).await;
    let request = Request::get("/web").body(chassis::Body::empty()).unwrap();
    let response = app.send_streaming(request).await;
    // The body is unread: the old generation can't end, and its plugins are not stopped.
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_all().await });
    until_serving(&app, 2).await;
    assert!(steps("holds", "stop").is_empty());
    assert_eq!(app.handle().enter().unwrap().generation(), 2);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "web"
    );
    assert!(reload.await.unwrap().unwrap().drained);
    assert_eq!(steps("holds", "stop"), ["web", "pool"]);
}

#[tokio::test(start_paused = true)]
async fn a_generation_that_is_held_too_long_is_overdue_and_says_so() {
    let file = config("overdue");
    let app = service(&file).await;
    let scope = app.handle().enter().unwrap();
    let reloaded = app.reload_all().await.unwrap();
    assert!(!reloaded.drained);
    assert_eq!(steps("overdue", "stop"), ["web", "pool"]);
    let state = |app: &TestChassis| app.handle().generations().unwrap()[1].state;
    assert_eq!(state(&app), GenerationState::Overdue);
    drop(scope);
    tokio::time::timeout(Duration::from_secs(1), async {
        while state(&app) != GenerationState::Gone {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is gone once nobody holds it");
}

#[tokio::test(start_paused = true)]
async fn only_one_reload_runs_at_a_time() {
    let file = config("busy");
    let app = service(&file).await;
    let scope = app.handle().enter().unwrap();
    let handle = app.handle().clone();
    let first = tokio::spawn(async move { handle.reload_all().await });
    until_serving(&app, 2).await;
    let error = app.reload_all().await.unwrap_err();
    assert_eq!(error.code(), code::RELOAD_BUSY);
    drop(scope);
    first.await.unwrap().unwrap();
    app.reload_all().await.unwrap();
}

static MOMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[plugin]
async fn witness(cx: &mut PluginContext) -> Result<()> {
    let note = |line: String| {
        MOMENTS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    };
    for point in [&PLUGIN_STARTED, &PLUGIN_STOPPING, &PLUGIN_STOPPED] {
        cx.action(point, async move |moment: &PluginMoment| {
            note(format!(
                "{} {} in {}",
                moment.plugin, moment.state, moment.generation
            ));
        });
    }
    for point in [&CHASSIS_STARTED, &CHASSIS_STOPPING] {
        cx.action(point, async move |moment: &ChassisMoment| {
            note(format!("chassis in {}", moment.generation));
        });
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_moments_of_plugins_are_told_to_plugins() {
    let app = TestChassis::with::<witness>()
        .register(scripted("web", &["witness"]))
        .start()
        .await
        .unwrap();
    let told = || std::mem::take(&mut *MOMENTS.lock().unwrap());
    assert_eq!(
        told(),
        ["witness running in 1", "web running in 1", "chassis in 1"]
    );
    app.reload_all().await.unwrap();
    assert_eq!(
        told(),
        [
            "witness running in 2",
            "web running in 2",
            // Of the old ones, the witness of the new generation tells.
            "web running in 1",
            "web stopped in 1",
            "witness running in 1",
            "witness stopped in 1",
        ]
    );
    app.stop().await;
    // Who has stopped is not told any more: nothing of the end of the witness itself.
    assert_eq!(
        told(),
        [
            "chassis in 2",
            "web running in 2",
            "web stopped in 2",
            "witness running in 2"
        ]
    );
}

static BEGINNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[plugin]
async fn chronicler(cx: &mut PluginContext) -> Result<()> {
    let moments = [
        ("loaded", &PLUGIN_LOADED),
        ("starting", &PLUGIN_STARTING),
        ("failed", &PLUGIN_FAILED),
    ];
    for (what, point) in moments {
        cx.action(point, async move |moment: &PluginMoment| {
            let error = moment.error.is_some();
            let line = format!("{} {what}, error: {error}", moment.plugin);
            BEGINNINGS
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        });
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_beginnings_and_failures_of_plugins_are_told_to_plugins() {
    let app = TestChassis::with::<chronicler>()
        .register(scripted("web", &["chronicler"]))
        .register(scripted("early", &[]))
        .set("plugins.web.config.start", "fail")
        .set("plugins.early.config.init", "fail")
        .start()
        .await
        .unwrap();
    assert_eq!(
        *BEGINNINGS.lock().unwrap(),
        [
            "chronicler loaded, error: false",
            "early failed, error: true",
            "web loaded, error: false",
            "chronicler starting, error: false",
            "web starting, error: false",
            "web failed, error: true",
        ]
    );
    drop(app);
}
