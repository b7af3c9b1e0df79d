//! Probation: what a reload has built is watched, and what does not stand it is taken back.

use super::config;
use crate::{
    client::{self, soon},
    made::{Log, plugin},
    management::ask::{get_json, post, problem, request},
    scripted::info,
};
use chassis::{
    GenerationState, Plugin, PluginContext, Registration, Result, Rollback, code,
    testing::TestChassis,
};
use http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};
use tempfile::NamedTempFile;

/// Answers at its name as its configuration says; at `NAME/fail` and `NAME/panic` it does so whatever that says.
struct Moody;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MoodyConfig {
    /// How it answers: `well`, `fail` or `panic`.
    mood: Option<String>,
    /// Whether it can't be built a second time.
    once: bool,
}

static BUILT_ONCE: AtomicBool = AtomicBool::new(false);

impl Plugin for Moody {
    type Config = MoodyConfig;

    async fn init(config: MoodyConfig, cx: &mut PluginContext) -> Result<Self> {
        if config.once && BUILT_ONCE.swap(true, SeqCst) {
            return Err(std::io::Error::other("there is no second time").into());
        }
        let mood = config.mood.unwrap_or_else(|| "well".to_owned());
        let said = mood.clone();
        let name = cx.name().to_owned();
        cx.get(&format!("/{name}"), async move || answer(&said));
        for mood in ["fail", "panic", "well"] {
            cx.get(&format!("/{name}/{mood}"), async move || answer(mood));
        }
        Ok(Self)
    }
}

fn answer(mood: &str) -> Result<String> {
    match mood {
        "fail" => Err(std::io::Error::other("it is in a bad mood").into()),
        "panic" => panic!("it is in a very bad mood"),
        mood => Ok(mood.to_owned()),
    }
}

pub(super) fn moody(name: &str, requires: &[&str]) -> Registration {
    Registration::new::<Moody>(info(name).requires(requires.iter().copied()))
}

fn write(file: &NamedTempFile, web: &str, probation: &str) {
    let yaml = format!(
        "reload: {{probation: {{{probation}}}}}\nplugins: {{web: {{config: {{{web}}}}}}}\n"
    );
    std::fs::write(file.path(), yaml).unwrap();
}

pub(super) const ON: &str = "enabled: true";

pub(super) async fn start(
    file: &NamedTempFile,
    more: impl IntoIterator<Item = Registration>,
) -> TestChassis {
    let builder = TestChassis::builder()
        .register(moody("web", &[]))
        .register(moody("steady", &[]))
        .config_file(file.path());
    let builder = more.into_iter().fold(builder, |all, one| all.register(one));
    builder.start().await.unwrap()
}

/// A service that has served well, and is reloaded with a web that does not.
async fn reloaded(web: &str) -> (TestChassis, NamedTempFile) {
    let file = config("probation");
    write(&file, "mood: well", ON);
    let app = start(&file, []).await;
    write(&file, web, ON);
    let done = app.reload().await.unwrap();
    assert_eq!(
        done.message,
        "generation 2 serves; what is new in it is watched for 30s"
    );
    (app, file)
}

pub(super) async fn ask(app: &TestChassis, path: &str, times: usize) {
    for _ in 0..times {
        app.get(path).await;
    }
}

/// What was seen until now has been looked at.
pub(super) async fn look() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn serving(app: &TestChassis) -> u64 {
    app.handle().enter().unwrap().generation()
}

pub(super) fn rolled_back(app: &TestChassis) -> Option<Rollback> {
    let info = app.handle().info().unwrap();
    info.probation.and_then(|probation| probation.rolled_back)
}

fn rejected(app: &TestChassis) -> bool {
    let info = app.handle().info().unwrap();
    info.probation.is_some_and(|probation| probation.rejected)
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_panics_after_a_reload_is_taken_back() {
    let (app, file) = reloaded("mood: panic").await;
    let info = app.handle().info().unwrap().probation.unwrap();
    let watched: Vec<_> = info.watched.iter().map(|one| &*one.plugin).collect();
    assert_eq!(watched, ["web"], "who goes on is not watched");
    ask(&app, "/web", 4).await;
    look().await;
    assert_eq!(serving(&app), 2, "four are not five");
    ask(&app, "/web", 1).await;
    look().await;

    assert_eq!(app.get("/web").await.text(), "well");
    let told = rolled_back(&app).expect("it is told");
    assert_eq!(
        (&*told.plugin, told.rejected, told.management),
        ("web", true, false)
    );
    assert_eq!(
        (told.generation, told.back_to, told.serves),
        (2, 1, Some(3))
    );
    assert!(
        told.reason.starts_with("5 panics within "),
        "{}",
        told.reason
    );
    let page = app.metrics();
    assert!(page.contains("chassis_reload_total{outcome=\"rolled_back\"} 1"));
    assert!(page.contains("chassis_reload_total{outcome=\"success\"} 1"));
    let states: Vec<_> = app.handle().generations().unwrap();
    let states: Vec<_> = states.iter().map(|one| (one.number, one.state)).collect();
    assert_eq!(
        states,
        [
            (3, GenerationState::Serving),
            (2, GenerationState::Gone),
            (1, GenerationState::Gone)
        ]
    );

    // Not again, until it changes. A comment is no change.
    let text = std::fs::read_to_string(file.path()).unwrap();
    std::fs::write(file.path(), format!("# mended, perhaps\n{text}")).unwrap();
    for error in [
        app.reload().await.unwrap_err(),
        app.reload_all().await.unwrap_err(),
        app.handle().reload_plan().await.unwrap_err(),
    ] {
        assert_eq!(error.code(), code::RELOAD_REJECTED);
        assert_eq!(error.plugin(), Some("web"));
        assert!(error.message().contains("5 panics within "), "{error}");
    }
    assert!(
        app.metrics()
            .contains("chassis_reload_total{outcome=\"refused\"} 2")
    );
    // Who changes something else gets that, and not what was rejected.
    app.handle().disable("steady").await.unwrap();
    assert_eq!(app.get("/steady").await.status(), 404);
    assert_eq!(app.get("/web").await.text(), "well");
    app.handle().reload_plugin("web").await.unwrap();
    assert_eq!(app.get("/web").await.text(), "well");
    assert!(rejected(&app));
    write(&file, "mood: better", ON);
    app.reload().await.unwrap();
    assert_eq!(app.get("/web").await.text(), "better");
    assert_eq!(
        app.get("/steady").await.status(),
        404,
        "it is disabled still"
    );
    assert!(!rejected(&app) && rolled_back(&app).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_was_rejected_can_be_forced() {
    let (app, _file) = reloaded("mood: panic").await;
    ask(&app, "/web", 5).await;
    look().await;
    assert_eq!(serving(&app), 3);
    app.handle().reload_rejected().await.unwrap();
    assert_eq!(serving(&app), 4);
    assert!(!rejected(&app));
    // It is watched again.
    ask(&app, "/web", 5).await;
    look().await;
    assert_eq!((serving(&app), rejected(&app)), (5, true));
    assert_eq!(app.get("/web").await.text(), "well");
}

#[tokio::test(start_paused = true)]
async fn too_many_errors_are_taken_back_and_too_few_calls_say_nothing() {
    let (app, _file) = reloaded("mood: fail").await;
    ask(&app, "/web", 19).await;
    look().await;
    assert_eq!(serving(&app), 2);
    ask(&app, "/web", 1).await;
    look().await;
    assert_eq!(serving(&app), 3);
    let told = rolled_back(&app).unwrap();
    assert!(told.reason.starts_with("20 of 20 calls failed"), "{told:?}");

    // Less than half of them may fail.
    let (app, _file) = reloaded("mood: better").await;
    ask(&app, "/web", 21).await;
    ask(&app, "/web/fail", 20).await;
    look().await;
    assert_eq!(serving(&app), 2);
    ask(&app, "/web/fail", 1).await;
    look().await;
    assert_eq!(serving(&app), 3);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_is_not_watched_and_who_is_new_only_for_a_time() {
    let (app, _file) = reloaded("mood: panic").await;
    ask(&app, "/steady/panic", 50).await;
    look().await;
    assert_eq!(serving(&app), 2, "its errors are not of this reload");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(app.handle().info().unwrap().probation.is_none());
    ask(&app, "/web", 50).await;
    look().await;
    assert_eq!(serving(&app), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_watched_unless_it_is_said_nor_at_the_first_start() {
    let file = config("off");
    write(&file, "mood: well", "");
    let app = start(&file, []).await;
    write(&file, "mood: panic", "");
    app.reload().await.unwrap();
    ask(&app, "/web", 50).await;
    look().await;
    assert_eq!(serving(&app), 2);
    assert!(app.handle().info().unwrap().probation.is_none());

    write(&file, "mood: panic", ON);
    let app = start(&file, []).await;
    ask(&app, "/web", 50).await;
    look().await;
    assert_eq!(serving(&app), 1, "there is nothing to go back to");
    // Nor if everything is built anew, and nothing is other than before.
    app.reload_all().await.unwrap();
    ask(&app, "/web", 50).await;
    look().await;
    assert_eq!(serving(&app), 2);
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_has_changed_is_taken_back_from_there() {
    let file = config("operator");
    write(&file, "mood: well", ON);
    let app = start(&file, []).await;
    app.handle()
        .configure("web", json!({"mood": "panic"}))
        .await
        .unwrap();
    ask(&app, "/web", 5).await;
    look().await;
    let told = rolled_back(&app).unwrap();
    assert_eq!((told.rejected, told.management), (false, true));
    let config = app.handle().config().unwrap();
    let mood = &config.values["plugins.web.config.mood"];
    assert_eq!(mood.value, "well");
    assert_ne!(mood.origin, "management");
    // The files were not to blame.
    app.reload().await.unwrap();
    assert_eq!(app.get("/web").await.text(), "well");
    // Who is enabled is new, too.
    app.handle().disable("steady").await.unwrap();
    app.handle().enable("steady").await.unwrap();
    ask(&app, "/steady/panic", 5).await;
    look().await;
    assert_eq!(
        app.get("/steady").await.status(),
        404,
        "it is disabled again"
    );
    assert_eq!(rolled_back(&app).unwrap().plugin, "steady".into());
}

#[tokio::test(start_paused = true)]
async fn a_reload_meanwhile_takes_over_and_each_goes_back_to_what_was_before_it() {
    let (app, file) = reloaded("mood: better").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    app.handle()
        .configure("steady", json!({"mood": "new"}))
        .await
        .unwrap();
    // The second fails: the first stays, and is watched on.
    ask(&app, "/steady/panic", 5).await;
    look().await;
    assert_eq!(app.get("/steady").await.text(), "well");
    assert_eq!(app.get("/web").await.text(), "better");
    let told = rolled_back(&app).unwrap();
    assert_eq!(
        (told.generation, told.back_to, told.rejected),
        (3, 2, false)
    );
    // Then the first: with it goes all that came since.
    app.handle()
        .configure("steady", json!({"mood": "new"}))
        .await
        .unwrap();
    ask(&app, "/web/panic", 5).await;
    look().await;
    assert_eq!(app.get("/web").await.text(), "well");
    assert_eq!(app.get("/steady").await.text(), "well");
    let told = rolled_back(&app).unwrap();
    assert_eq!(
        (told.back_to, told.rejected, told.management),
        (1, true, true)
    );

    // Who goes back by hand is not brought back from there.
    write(&file, "mood: other", ON);
    app.reload().await.unwrap();
    write(&file, "mood: well", ON);
    app.reload().await.unwrap();
    let now = serving(&app);
    ask(&app, "/web/panic", 5).await;
    look().await;
    assert_eq!(serving(&app), now);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_holds_the_old_generation_does_not_keep_the_failed_one() {
    let file = config("held");
    write(&file, "mood: well", ON);
    let app = start(&file, []).await;
    let held = app.handle().enter().unwrap();
    write(&file, "mood: panic", ON);
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload().await });
    super::until_serving(&app, 2).await;
    ask(&app, "/web", 5).await;
    look().await;
    assert_eq!(app.get("/web").await.text(), "well");
    let done = reload.await.unwrap().unwrap();
    assert!(
        done.message
            .ends_with("it has failed probation already, and is taken back")
    );
    assert!(!done.drained);
    // One generation is held, and everything else comes to its end with it.
    let states = || -> Vec<_> {
        let all = app.handle().generations().unwrap();
        all.iter().map(|one| one.state).collect()
    };
    assert_eq!(states()[0], GenerationState::Serving);
    assert_eq!(states()[2], GenerationState::Draining);
    drop(held);
    look().await;
    assert_eq!(states()[1..], [GenerationState::Gone; 2]);
    assert!(app.stop().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_taken_back_is_said_and_not_tried_again() {
    let file = config("no-way-back");
    write(&file, "once: true", ON);
    let log = Log::new();
    let app = start(&file, [audit(&log)]).await;
    write(&file, "mood: panic", ON);
    app.reload().await.unwrap();
    ask(&app, "/web", 5).await;
    look().await;
    ask(&app, "/web", 5).await;
    look().await;
    assert_eq!(serving(&app), 2, "it serves on");
    let told = rolled_back(&app).unwrap();
    assert_eq!((told.serves, told.rejected), (None, false));
    assert!(told.error.unwrap().contains("there is no second time"));
    assert_eq!(log.lines(), ["chassis.rollback_failed web"]);
    assert!(
        app.metrics()
            .contains("chassis_reload_total{outcome=\"failure\"} 1")
    );
    write(&file, "mood: better", ON);
    app.reload().await.unwrap();
    assert_eq!(app.get("/web").await.text(), "better");
}

/// Writes down what is told of probation.
fn audit(log: &Log) -> Registration {
    let log = log.clone();
    plugin("audit", move |cx| {
        for topic in ["chassis.rolled_back", "chassis.rollback_failed"] {
            let log = log.clone();
            cx.on(topic, async move |told: Arc<Value>| {
                let plugin = told["plugin"].as_str().unwrap_or_default();
                log.note(format!("{topic} {plugin}"));
            });
        }
    })
}

#[tokio::test(start_paused = true)]
async fn whoever_subscribes_is_told() {
    let file = config("told");
    write(&file, "mood: well", ON);
    let log = Log::new();
    let app = start(&file, [audit(&log)]).await;
    write(&file, "mood: panic", ON);
    app.reload().await.unwrap();
    ask(&app, "/web", 5).await;
    look().await;
    assert_eq!(log.lines(), ["chassis.rolled_back web"]);
    assert!(app.stop().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_service_ends_probation() {
    let (app, _file) = reloaded("mood: panic").await;
    ask(&app, "/web", 5).await;
    assert!(app.stop().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_it_and_files_are_not_loaded_again() {
    let file = config("seen");
    write(&file, "mood: well", ON);
    let builder = client::service([moody("web", &[])]).config_file(file.path());
    let running = client::start(builder.set("reload.watch", false)).await;
    let management = running.management_address().unwrap();
    write(&file, "mood: panic", ON);
    assert_eq!(post(management, "/reload").await.0, 200);
    let probation = get_json(management, "/info").await["probation"].clone();
    assert_eq!(probation["watched"][0]["plugin"], "web");
    assert_eq!(probation["rejected"], false);
    for _ in 0..5 {
        let mut raw = client::Raw::connect(running.service_address()).await;
        assert_eq!(raw.get("/web").await.status, 500);
    }
    let back = async {
        while get_json(management, "/info").await["generation"] != 3 {
            tokio::task::yield_now().await;
        }
    };
    soon("the way back", back).await;
    let refused = async {
        loop {
            // The end of the way back may be waited for.
            let answer = post(management, "/reload").await;
            if !String::from_utf8_lossy(&answer.2).contains("reload.busy") {
                return answer;
            }
        }
    };
    let told = problem(soon("an answer", refused).await, 409, "reload.rejected");
    let one = &told["errors"][0];
    assert_eq!(
        (&one["plugin"], &one["phase"]),
        (&json!("web"), &json!("probation"))
    );
    let info = get_json(management, "/info").await;
    assert_eq!(info["probation"]["rejected"], true);
    assert_eq!(info["probation"]["rolled_back"]["plugin"], "web");
    let forced = request(management, Method::POST, "/reload?force=true", &[], "").await;
    assert_eq!(forced.0, 200);
    soon("the stop", running.stop()).await;
}
