//! Enable, disable and reload in every state of a plugin and of the service: the answer is true, and so is the state after it.

use super::{config, probation::moody, until_serving};
use crate::{
    made::{Log, early, plugin, plugin_requiring},
    scripted::{scripted, steps},
};
use chassis::{
    ConfigLayer, Health, PluginState, Registration, Reloaded, code,
    points::{ADMIT, CONFIG_LOAD, Candidate, ConfigQuestion, Denied},
    prelude::Flow,
    testing::TestChassis,
};
use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// `web -> pool`, and beside them `other`.
async fn service(log: &str, more: &[(&str, &str)]) -> TestChassis {
    with(log, more, []).await
}

async fn with(
    log: &str,
    more: &[(&str, &str)],
    plugins: impl IntoIterator<Item = Registration>,
) -> TestChassis {
    let builder = TestChassis::builder()
        .register(scripted("web", &["pool"]))
        .register(scripted("pool", &[]))
        .register(scripted("other", &[]));
    let mut builder = plugins
        .into_iter()
        .fold(builder, |all, one| all.register(one));
    let mut yaml = String::new();
    for name in ["web", "pool", "other"] {
        let said = more.iter().find(|(of, _)| *of == name);
        let said = said.map_or("", |(_, said)| *said);
        yaml += &format!("  {name}: {{config: {{log: {log}}}{said}}}\n");
    }
    builder = builder.config(format!("plugins:\n{yaml}"));
    builder.start().await.unwrap()
}

/// What became of them, in one line: `+` was added, `-` removed, `*` rebuilt, and `!` is there and does not run.
fn told(reloaded: &Reloaded) -> String {
    let lists = [
        ('+', &reloaded.added),
        ('-', &reloaded.removed),
        ('*', &reloaded.rebuilt),
        ('!', &reloaded.not_running),
    ];
    let told = lists.iter().flat_map(|(sign, names)| {
        let names = names.iter();
        names.map(move |name| format!("{sign}{name}"))
    });
    told.collect::<Vec<_>>().join(" ")
}

async fn disable(app: &TestChassis, plugin: &str) -> String {
    told(&app.handle().disable(plugin).await.unwrap())
}

async fn enable(app: &TestChassis, plugin: &str) -> String {
    told(&app.handle().enable(plugin).await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn one_that_runs_or_is_disabled() {
    let app = service("running", &[]).await;
    assert_eq!(enable(&app, "other").await, "", "it runs already");
    assert_eq!(disable(&app, "other").await, "-other");
    assert_eq!(app.state("other"), PluginState::Disabled);
    assert_eq!(app.get("/other").await.status(), 404);
    assert_eq!(disable(&app, "other").await, "", "it is disabled already");
    assert_eq!(app.state("other"), PluginState::Disabled);
    assert_eq!(steps("running", "stop"), ["other"], "once");
    assert_eq!(enable(&app, "other").await, "+other");
    assert_eq!(app.state("other"), PluginState::Running);
    assert_eq!(app.get("/other").await.status(), 200);
    let error = app.handle().disable("othr").await.unwrap_err();
    assert_eq!(error.code(), code::UNKNOWN_PLUGIN);
}

#[tokio::test(start_paused = true)]
async fn one_that_has_failed() {
    for step in ["init", "start"] {
        let name = format!("failed-{step}");
        let yaml = format!("plugins: {{pool: {{config: {{log: {name}, {step}: fail}}}}}}");
        let app = TestChassis::builder()
            .register(scripted("web", &["pool"]))
            .register(scripted("pool", &[]))
            .config(yaml)
            .start()
            .await
            .unwrap();
        assert_eq!(app.state("pool"), PluginState::Failed);
        assert_eq!(app.state("web"), PluginState::Blocked);
        // It is tried again, and nothing is said to have come that does not run.
        assert_eq!(enable(&app, "pool").await, "!pool !web", "{step}");
        assert_eq!(app.state("pool"), PluginState::Failed);
        let plan = app.handle().reload_plan().await.unwrap();
        assert!(
            plan.removed.is_empty() && plan.rebuilt.is_empty(),
            "{plan:?}"
        );
        assert_eq!(disable(&app, "pool").await, "!web");
        assert_eq!(app.state("pool"), PluginState::Disabled);
        assert_eq!(app.state("web"), PluginState::Blocked);
        assert_eq!(enable(&app, "pool").await, "!pool !web");
        // Once it is mended it comes, and with it who waited for it.
        let mended = serde_json::json!({ step: "succeed" });
        let reloaded = app.handle().configure("pool", mended).await.unwrap();
        assert_eq!(told(&reloaded), "+pool +web");
        assert_eq!(app.get("/web").await.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_requirement_does_not_run() {
    let app = service("blocked", &[("pool", ", enabled: false")]).await;
    assert_eq!(app.state("web"), PluginState::Blocked);
    assert_eq!(
        enable(&app, "web").await,
        "!web",
        "it is not held back by itself"
    );
    assert_eq!(app.state("web"), PluginState::Blocked);
    let reason = app.handle().plugin("web").unwrap();
    assert_eq!(reason.reason(), Some("requires `pool`, which is disabled"));
    let plan = app.handle().reload_plan().await.unwrap();
    assert!(plan.added.is_empty(), "{plan:?}");
    assert_eq!(disable(&app, "web").await, "");
    assert_eq!(app.state("web"), PluginState::Disabled);
    assert_eq!(enable(&app, "pool").await, "+pool", "`web` is disabled now");
    assert_eq!(enable(&app, "web").await, "+web");
    // And the other way round: who requires it goes with it.
    assert_eq!(disable(&app, "pool").await, "-pool -web !web");
    assert_eq!(app.get("/web").await.status(), 404);
    assert_eq!(steps("blocked", "stop"), ["web", "pool"]);
    assert_eq!(disable(&app, "pool").await, "!web", "nothing more goes");
    assert_eq!(enable(&app, "pool").await, "+pool +web");
    assert_eq!(app.get("/web").await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_degraded() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let shop = plugin("shop", move |cx| {
        let well = Arc::clone(&well);
        cx.health("stock", async move || match well.load(Relaxed) {
            true => Health::up(),
            false => Health::degraded("there is little left"),
        });
    });
    let app = with("degraded", &[], [shop]).await;
    let seen = async |state| {
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(app.state("shop"), state);
    };
    seen(PluginState::Degraded).await;
    assert_eq!(enable(&app, "shop").await, "", "it goes on");
    seen(PluginState::Degraded).await;
    let reloaded = app.handle().reload_plugin("shop").await.unwrap();
    assert_eq!(told(&reloaded), "*shop");
    assert_eq!(disable(&app, "shop").await, "-shop");
    seen(PluginState::Disabled).await;
    is_well.store(true, Relaxed);
    assert_eq!(enable(&app, "shop").await, "+shop");
    seen(PluginState::Running).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_not_admitted() {
    let is_shut = Arc::new(AtomicBool::new(true));
    let shut = Arc::clone(&is_shut);
    let door = early("door", move |cx| {
        let shut = Arc::clone(&shut);
        cx.filter(&ADMIT, move |candidate: &mut Candidate| {
            match shut.load(Relaxed) && &*candidate.name == "other" {
                true => Flow::Answer(Denied("not this one".to_owned())),
                false => Flow::Continue,
            }
        });
    });
    let app = with("denied", &[], [door]).await;
    assert_eq!(app.state("other"), PluginState::Failed);
    assert_eq!(enable(&app, "other").await, "!other");
    assert_eq!(app.state("other"), PluginState::Failed);
    let report = app.handle().plugin("other").unwrap();
    assert!(
        report
            .last_error()
            .unwrap()
            .contains("not admitted: not this one")
    );
    assert_eq!(disable(&app, "other").await, "");
    assert_eq!(app.state("other"), PluginState::Disabled);
    is_shut.store(false, Relaxed);
    assert_eq!(enable(&app, "other").await, "+other");
    assert_eq!(app.state("other"), PluginState::Running);
    // Who runs is asked for, too, and its reload fails as a whole.
    is_shut.store(true, Relaxed);
    let error = app.reload().await.unwrap_err();
    assert_eq!(error.code(), code::RELOAD_FAILED);
    assert!(
        error
            .message()
            .contains("`other` runs now, and would not any more")
    );
    assert_eq!(app.get("/other").await.status(), 200);
    assert_eq!(disable(&app, "other").await, "-other");
}

#[tokio::test(start_paused = true)]
async fn one_that_the_service_can_not_do_without() {
    let app = service("required", &[("web", ", required: true")]).await;
    for plugin in ["web", "pool"] {
        let error = app.handle().disable(plugin).await.unwrap_err();
        assert_eq!(error.code(), code::REQUIRED, "{plugin}");
        assert_eq!(app.state(plugin), PluginState::Running);
    }
    assert_eq!(
        told(&app.reload().await.unwrap()),
        "",
        "nothing was kept of it"
    );
    assert_eq!(app.get("/web").await.status(), 200);
    assert_eq!(enable(&app, "web").await, "");
    assert!(steps("required", "stop").is_empty());
}

/// A source that gives another mood to `web` each time it is built.
fn source(log: &Log) -> Registration {
    let (log, built) = (log.clone(), Arc::new(AtomicUsize::new(0)));
    early("source", move |cx| {
        let number = built.fetch_add(1, SeqCst) + 1;
        log.note(format!("built {number}"));
        let log = log.clone();
        cx.provide(&CONFIG_LOAD, async move |_: &ConfigQuestion| {
            log.note(format!("asked {number}"));
            let mood = format!("mood-{number}");
            let layer = ConfigLayer::new().text("plugins.web.config.mood", mood, "source");
            Ok::<_, chassis::Error>(layer)
        });
    })
}

#[tokio::test(start_paused = true)]
async fn one_that_gives_configuration_to_others() {
    let log = Log::new();
    let app = TestChassis::builder()
        .register(source(&log))
        .register(moody("web", &[]))
        .register(scripted("other", &[]));
    let app = app.start().await.unwrap();
    assert_eq!(app.get("/web").await.text(), "mood-1");
    // The new one is asked, and not the old one: what it gives now is what is built with.
    let reloaded = app.handle().reload_plugin("source").await.unwrap();
    assert_eq!(told(&reloaded), "*source *web");
    assert_eq!(app.get("/web").await.text(), "mood-2");
    assert_eq!(log.lines(), ["built 1", "asked 1", "built 2", "asked 2"]);
    // It goes on, and is asked again.
    assert_eq!(told(&app.reload().await.unwrap()), "");
    assert_eq!(log.lines().last().unwrap(), "asked 2");
    assert_eq!(disable(&app, "source").await, "-source *web");
    assert_eq!(
        app.get("/web").await.text(),
        "well",
        "nobody gives it a mood"
    );
    assert_eq!(enable(&app, "source").await, "+source *web");
    assert_eq!(app.get("/web").await.text(), "mood-3");
}

#[tokio::test(start_paused = true)]
async fn who_requires_what_is_built_anew_follows_it_in_order() {
    let log = Log::new();
    let note = |name: &'static str| {
        let log = log.clone();
        move |_: &mut chassis::PluginContext| log.note(name)
    };
    let app = TestChassis::builder()
        .register(plugin_requiring("shop", &["cache"], note("shop")))
        .register(plugin_requiring("cache", &["store"], note("cache")))
        .register(plugin("store", note("store")))
        .register(plugin("aside", note("aside")));
    let app = app.start().await.unwrap();
    let reloaded = app.handle().reload_plugin("store").await.unwrap();
    assert_eq!(told(&reloaded), "*cache *shop *store");
    assert_eq!(log.lines()[4..], ["store", "cache", "shop"]);
    let reloaded = app.handle().reload_plugin("cache").await.unwrap();
    assert_eq!(told(&reloaded), "*cache *shop");
    assert_eq!(log.lines()[7..], ["cache", "shop"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_end_well() {
    for (stop, said) in [
        ("panic", "stop was told to panic"),
        ("fail", "stop was told to fail"),
        ("hang", "took longer than its deadline of 10s"),
    ] {
        let name = format!("stop-{stop}");
        let yaml = format!(
            "plugins: {{pool: {{config: {{log: {name}, stop: {stop}}}}}, web: {{config: {{log: {name}}}}}}}"
        );
        let app = TestChassis::builder()
            .register(scripted("web", &["pool"]))
            .register(scripted("pool", &[]))
            .config(yaml)
            .start()
            .await
            .unwrap();
        let since = tokio::time::Instant::now();
        let reloaded = app.reload_all().await.unwrap();
        assert_eq!(told(&reloaded), "*pool *web", "{stop}");
        assert!(reloaded.drained);
        let errors = reloaded.stop_errors.join("\n");
        assert!(errors.contains(said) && errors.contains("pool"), "{errors}");
        assert!(since.elapsed() < Duration::from_secs(11));
        // The new one is not to blame.
        assert_eq!(app.state("pool"), PluginState::Running, "{stop}");
        assert_eq!(app.get("/web").await.status(), 200);
        assert_eq!(app.get("/pool").await.status(), 200);
        assert_eq!(
            steps(&name, "stop"),
            ["web", "pool"],
            "{stop}: each is asked once"
        );
        assert_eq!(
            steps(&name, "drop"),
            ["web", "pool"],
            "{stop}: nothing is left"
        );
        // The next reload is as good as this one.
        assert_eq!(app.reload_all().await.unwrap().generation, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_while_another_runs_is_told_which() {
    let app = service("named", &[]).await;
    let held = app.handle().enter().unwrap();
    let handle = app.handle().clone();
    let first = tokio::spawn(async move { handle.disable("other").await });
    until_serving(&app, 2).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let error = app.handle().reload_plugin("web").await.unwrap_err();
    assert_eq!(error.code(), code::RELOAD_BUSY);
    assert_eq!(
        error.message(),
        "a reload is running already: `other` is being disabled, for 3s by now"
    );
    drop(held);
    first.await.unwrap().unwrap();
    app.reload().await.unwrap();
}

/// Its second `init` waits until it may go on.
fn gated(gate: &Arc<(Semaphore, Semaphore)>) -> Registration {
    let (gate, built) = (Arc::clone(gate), Arc::new(AtomicUsize::new(0)));
    early("gated", move |cx| {
        let (gate, is_second) = (Arc::clone(&gate), built.fetch_add(1, SeqCst) == 1);
        cx.provide(&CONFIG_LOAD, async move |_: &ConfigQuestion| {
            if is_second {
                gate.0.add_permits(1);
                gate.1.acquire().await?.forget();
            }
            Ok::<_, chassis::Error>(ConfigLayer::new())
        });
    })
}

#[tokio::test(start_paused = true)]
async fn a_reload_when_the_service_ends() {
    let gate = Arc::new((Semaphore::new(0), Semaphore::new(0)));
    let app = with("ends", &[], [gated(&gate)]).await;
    // One that is being built is given up: nothing of it is left.
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_all().await });
    gate.0.acquire().await.unwrap().forget();
    let handle = app.handle().clone();
    let stop = tokio::spawn(app.stop());
    let error = reload.await.unwrap().unwrap_err();
    assert_eq!(error.code(), code::CLOSED);
    assert!(stop.await.unwrap().is_empty());
    assert_eq!(
        steps("ends", "init"),
        ["other", "pool", "web"],
        "of the first alone"
    );
    assert_eq!(steps("ends", "stop"), ["web", "pool", "other"]);
    assert_eq!(handle.reload().await.unwrap_err().code(), code::CLOSED);

    // One that serves already is brought to its end, and then all stops.
    let app = service("ends-later", &[]).await;
    let held = app.handle().enter().unwrap();
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_all().await });
    until_serving(&app, 2).await;
    let handle = app.handle().clone();
    let stop = tokio::spawn(app.stop());
    tokio::time::sleep(Duration::from_secs(1)).await;
    // While it ends, nothing begins anew.
    let error = handle.reload().await.unwrap_err();
    assert!(
        [code::CLOSED, code::RELOAD_BUSY].contains(&error.code()),
        "{error}"
    );
    drop(held);
    assert!(reload.await.unwrap().unwrap().drained);
    assert!(stop.await.unwrap().is_empty());
    let order = ["web", "pool", "other", "web", "pool", "other"];
    assert_eq!(steps("ends-later", "stop"), order);
    assert_eq!(steps("ends-later", "drop"), order);
}

/// A file that changes again while it is being loaded.
mod files {
    use super::*;
    use crate::client::{self, soon};

    static GATE: (Semaphore, Semaphore) = (Semaphore::const_new(0), Semaphore::const_new(0));
    static BUILT: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

    struct Slow;

    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct SlowConfig {
        word: String,
    }

    impl chassis::Plugin for Slow {
        type Config = SlowConfig;

        async fn init(config: SlowConfig, _: &mut chassis::PluginContext) -> chassis::Result<Self> {
            let count = {
                let mut built = BUILT.lock().unwrap();
                built.push(config.word);
                built.len()
            };
            if count == 2 {
                GATE.0.add_permits(1);
                GATE.1.acquire().await?.forget();
            }
            Ok(Self)
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn changes_while_a_reload_runs_end_in_the_last_state_that_is_right() {
        let file = config("coalesce");
        let write = |word: &str| {
            let text = format!("plugins: {{slow: {{config: {{word: {word}}}}}}}\n");
            std::fs::write(file.path(), text).unwrap();
        };
        write("one");
        let slow = Registration::new::<Slow>(crate::scripted::info("slow"));
        let builder = client::service([slow]).set("reload.poll", "50ms");
        let running = client::start(builder.config_file(file.path())).await;
        write("two");
        soon("the first reload", GATE.0.acquire())
            .await
            .unwrap()
            .forget();
        for word in ["three", "four", "[", "five"] {
            write(word);
        }
        GATE.1.add_permits(1);
        let last = async {
            while running.handle().enter().unwrap().generation() < 3 {
                tokio::task::yield_now().await;
            }
        };
        soon("the last state", last).await;
        assert_eq!(*BUILT.lock().unwrap(), ["one", "two", "five"]);
        soon("the stop", running.stop()).await;
    }
}
