//! Plugins that hold what can't be there twice.

use crate::{
    made::{Log, early, plugin, plugin_requiring},
    scripted::info,
};
use chassis::{
    PluginState, Registration, ReloadAction, Reloaded, code, prelude::*, testing::TestChassis,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::HashSet,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

/// What is held now, in all tests: each has names of its own.
static HELD: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

pub(super) fn held() -> std::sync::MutexGuard<'static, HashSet<String>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that can't be there twice, as long as this lives.
struct Lock(String);

impl Lock {
    fn new(name: &str) -> Result<Self> {
        if !held().insert(name.to_owned()) {
            return Err(std::io::Error::other(format!("{name} is in use")).into());
        }
        Ok(Self(name.to_owned()))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        held().remove(&self.0);
    }
}

/// Holds a lock from `init` to its end.
struct Keeper {
    name: String,
    lock: Lock,
    config: KeeperConfig,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct KeeperConfig {
    lock: String,
    /// Something else that a change builds it anew for.
    round: u32,
    init: When,
    slow: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum When {
    #[default]
    Succeeds,
    Fails,
    /// And all that come after it.
    Breaks,
}

static BROKEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

fn broken() -> std::sync::MutexGuard<'static, HashSet<String>> {
    BROKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Plugin for Keeper {
    type Config = KeeperConfig;

    fn exclusive(config: &KeeperConfig) -> Vec<String> {
        vec![config.lock.clone()]
    }

    async fn init(config: KeeperConfig, cx: &mut PluginContext) -> Result<Self> {
        let lock = Lock::new(&config.lock)?;
        if config.slow && cx.previous::<KeeperConfig>().is_some() {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        if config.init == When::Breaks {
            broken().insert(config.lock.clone());
        }
        if config.init == When::Fails || broken().contains(&config.lock) {
            return Err(std::io::Error::other("it was told to fail").into());
        }
        let visits = Arc::new(Mutex::new(
            cx.handed_over::<Vec<String>>().unwrap_or_default(),
        ));
        let (seen, name) = (Arc::clone(&visits), cx.name().to_owned());
        cx.get(
            &format!("/{name}/visit/{{who}}"),
            async move |Path(who): Path<String>| {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.push(who);
                seen.join(" ")
            },
        );
        cx.hand_over(async move || {
            Ok(visits
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone())
        });
        Ok(Self { name, lock, config })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let this = Arc::clone(self);
        to.get(&format!("/{}", self.name), async move || {
            format!("{} in round {}", this.lock.0, this.config.round)
        });
        Ok(())
    }
}

pub(super) fn keeper(name: &str) -> Registration {
    Registration::new::<Keeper>(info(name))
}

pub(super) struct Service {
    file: tempfile::NamedTempFile,
    pub(super) app: Arc<TestChassis>,
}

impl Service {
    pub(super) async fn start(
        plugins: &str,
        others: impl IntoIterator<Item = Registration>,
    ) -> Self {
        Self::try_start(plugins, others).await.unwrap()
    }

    async fn try_start(
        plugins: &str,
        others: impl IntoIterator<Item = Registration>,
    ) -> Result<Self> {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        let app = TestChassis::builder()
            .register(keeper("keeper"))
            .config_file(file.path());
        let app = others.into_iter().fold(app, |app, one| app.register(one));
        write(&file, plugins);
        let app = Arc::new(app.start().await?);
        Ok(Self { file, app })
    }

    pub(super) async fn reload(&self, plugins: &str) -> Result<Reloaded> {
        write(&self.file, plugins);
        self.app.reload().await
    }

    /// Begins a reload, and waits until it has stopped something first.
    pub(super) async fn begin(&self, plugins: &str) -> tokio::task::JoinHandle<Result<Reloaded>> {
        write(&self.file, plugins);
        let app = Arc::clone(&self.app);
        let before = app.handle().enter().unwrap().generation();
        let reload = tokio::spawn(async move { app.reload().await });
        let gone = async {
            while self.app.handle().enter().unwrap().generation() == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), gone)
            .await
            .unwrap();
        reload
    }

    pub(super) async fn status(&self, path: &str) -> u16 {
        self.app.get(path).await.status().as_u16()
    }

    pub(super) async fn says(&self, path: &str) -> String {
        self.app.get(path).await.text().to_owned()
    }

    pub(super) fn state(&self, plugin: &str) -> PluginState {
        self.app.handle().plugin(plugin).unwrap().state
    }
}

fn write(file: &tempfile::NamedTempFile, plugins: &str) {
    std::fs::write(file.path(), format!("plugins: {plugins}\n")).unwrap();
}

pub(super) fn web() -> Registration {
    plugin("web", |cx| {
        cx.get("/web", async || "web");
    })
}

#[tokio::test(start_paused = true)]
async fn the_old_one_is_stopped_first_and_all_else_serves_on() {
    let service = Service::start("{keeper: {config: {lock: a, round: 1}}}", [web()]).await;
    assert_eq!(service.says("/keeper").await, "a in round 1");
    write(
        &service.file,
        "{keeper: {config: {lock: a, round: 2, slow: true}}}",
    );
    let plan = service.app.handle().reload_plan().await.unwrap();
    let of = |name: &str| {
        plan.instances
            .iter()
            .find(|one| &*one.plugin == name)
            .unwrap()
    };
    assert_eq!(
        of("keeper").stops_first.as_deref(),
        Some("it holds `a`, which can't be there twice")
    );
    assert_eq!(
        (of("web").action, &of("web").stops_first),
        (ReloadAction::Carried, &None)
    );
    assert_eq!(
        service.says("/keeper").await,
        "a in round 1",
        "nothing was touched"
    );

    let reload = service
        .begin("{keeper: {config: {lock: a, round: 2, slow: true}}}")
        .await;
    let away = service.app.get("/keeper").await;
    assert_eq!(away.status(), 503);
    assert_eq!(away.headers()["retry-after"], "1");
    assert!(away.text().contains("plugin.away"), "{}", away.text());
    assert_eq!(service.says("/web").await, "web");
    assert_eq!(service.status("/nowhere").await, 404);
    let reloaded = reload.await.unwrap().unwrap();
    assert_eq!((reloaded.previous, reloaded.generation), (1, 3));
    assert!(reloaded.drained && reloaded.stop_errors.is_empty());
    let rebuilt: Vec<_> = reloaded.rebuilt.iter().map(|name| &**name).collect();
    assert_eq!(rebuilt, ["keeper"]);
    assert_eq!(service.says("/keeper").await, "a in round 2");
    assert_eq!(service.state("keeper"), PluginState::Running);
}

#[tokio::test(start_paused = true)]
async fn who_comes_to_hold_something_else_is_built_beside() {
    let service = Service::start("{keeper: {config: {lock: b1}}}", []).await;
    let reloaded = service
        .reload("{keeper: {config: {lock: b2}}}")
        .await
        .unwrap();
    assert_eq!(reloaded.generation, 2, "there was nothing in between");
    assert_eq!(reloaded.instances[0].stops_first, None);
    assert_eq!(service.says("/keeper").await, "b2 in round 0");
    assert!(!held().contains("b1"));
}

#[tokio::test(start_paused = true)]
async fn whoever_can_t_be_replaced_comes_back() {
    let service = Service::start("{keeper: {config: {lock: c, round: 1}}}", [web()]).await;
    let error = service
        .reload("{keeper: {config: {lock: c, round: 2, init: fails}}}")
        .await
        .unwrap_err();
    assert_eq!(error.code(), code::RELOAD_FAILED);
    let told = error.report();
    assert!(told.contains("it was told to fail"), "{told}");
    assert!(
        told.contains("`keeper` had been stopped first, and runs again as it did before"),
        "{told}"
    );
    assert_eq!(service.says("/keeper").await, "c in round 1");
    assert_eq!(service.state("keeper"), PluginState::Running);
    assert_eq!(service.status("/web").await, 200);
    service
        .reload("{keeper: {config: {lock: c, round: 3}}}")
        .await
        .unwrap();
    assert_eq!(service.says("/keeper").await, "c in round 3");
}

#[tokio::test(start_paused = true)]
async fn whoever_can_t_come_back_either_is_failed_and_health_says_so() {
    for required in [false, true] {
        let lock = format!("d-{required}");
        let config = |init: &str| {
            format!("{{keeper: {{required: {required}, config: {{lock: {lock}, init: {init}}}}}}}")
        };
        let service = Service::start(&config("succeeds"), [web()]).await;
        let error = service.reload(&config("breaks")).await.unwrap_err();
        let told = error.report();
        assert!(
            told.contains("had been stopped first, and does not run any more"),
            "{told}"
        );
        assert_eq!(service.state("keeper"), PluginState::Failed);
        assert_eq!(service.status("/web").await, 200, "the rest serves on");
        assert_eq!(service.app.handle().is_ready(), !required);
        let health = format!("{:?}", service.app.handle().health().unwrap());
        assert!(
            health.contains("keeper") && health.contains("it was told to fail"),
            "{health}"
        );
        // It is mended by a reload, as any that has failed.
        broken().remove(&lock);
        service.reload(&config("succeeds")).await.unwrap();
        service.app.handle().reload_plugin("keeper").await.unwrap();
        assert_eq!(service.state("keeper"), PluginState::Running);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_stopped_for_a_reload_that_fails_anyway() {
    let other = || keeper("other");
    let config = |round: u32, init: &str| {
        format!(
            "{{keeper: {{config: {{lock: e1, round: {round}}}}}, other: {{config: {{lock: e2-{init}, init: {init}}}}}}}"
        )
    };
    let service = Service::start(&config(1, "succeeds"), [other()]).await;
    let error = service.reload(&config(2, "fails")).await.unwrap_err();
    assert!(
        !error.report().contains("stopped first"),
        "{}",
        error.report()
    );
    assert_eq!(service.app.handle().generations().unwrap().len(), 1);
    assert_eq!(service.says("/keeper").await, "e1 in round 1");
}

#[tokio::test(start_paused = true)]
async fn who_requires_it_is_stopped_before_it_and_built_after_it() {
    let log = Log::new();
    let noted = log.clone();
    let client = plugin_requiring("client", &["keeper"], move |cx| {
        noted.note(format!("built, and f is held: {}", held().contains("f")));
        let stops = noted.clone();
        let stopping = cx.background().stopping().clone();
        cx.background().spawn("watch", async move {
            stopping.cancelled().await;
            stops.note(format!("stops, and f is held: {}", held().contains("f")));
            Ok(())
        });
        cx.get("/client", async || "client");
    });
    let service = Service::start("{keeper: {config: {lock: f}}}", [client, web()]).await;
    let reload = service
        .begin("{keeper: {config: {lock: f, slow: true}}}")
        .await;
    assert_eq!(service.status("/client").await, 503);
    assert_eq!(service.status("/web").await, 200);
    let reloaded = reload.await.unwrap().unwrap();
    let client = reloaded
        .instances
        .iter()
        .find(|one| &*one.plugin == "client");
    assert_eq!(
        client.unwrap().stops_first.as_deref(),
        Some("it requires `keeper`, which is stopped first")
    );
    assert_eq!(service.status("/client").await, 200);
    assert_eq!(
        log.lines(),
        [
            "built, and f is held: true",
            "stops, and f is held: true",
            "built, and f is held: true"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn two_who_hold_the_same_are_an_error_before_anything_changes() {
    let both = "{keeper: {config: {lock: g}}, other: {config: {lock: g}}}";
    let Err(error) = Service::try_start(both, [keeper("other")]).await else {
        panic!("it starts");
    };
    assert_eq!(error.code(), code::EXCLUSIVE);
    for word in ["`keeper`", "`other`", "`g`"] {
        assert!(error.message().contains(word), "{error}");
    }
    let apart = "{keeper: {config: {lock: g}}, other: {config: {lock: g2}}}";
    let service = Service::start(apart, [keeper("other")]).await;
    let error = service.reload(both).await.unwrap_err();
    assert_eq!(
        (error.code(), error.code().status()),
        (code::EXCLUSIVE, 422)
    );
    assert!(service.app.handle().reload_plan().await.is_err());
    assert_eq!(service.app.handle().generations().unwrap().len(), 1);
    assert_eq!(service.says("/other").await, "g2 in round 0");
    // Who does not take part holds nothing.
    service
        .reload("{keeper: {config: {lock: g}}, other: {enabled: false, config: {lock: g}}}")
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_may_hold_what_another_held_before() {
    let config = |one: &str, other: &str| {
        format!("{{keeper: {{config: {{lock: {one}}}}}, other: {{config: {{lock: {other}}}}}}}")
    };
    let service = Service::start(&config("h1", "h2"), [keeper("other")]).await;
    let reloaded = service.reload(&config("h2", "h1")).await.unwrap();
    let why = |name: &str| {
        let change = reloaded.instances.iter().find(|one| &*one.plugin == name);
        change.unwrap().stops_first.clone().unwrap()
    };
    assert_eq!(why("keeper"), "it holds `h1`, which `other` is to hold");
    assert_eq!(service.says("/keeper").await, "h2 in round 0");
    assert_eq!(service.says("/other").await, "h1 in round 0");
    // Of one that goes for good.
    service
        .reload("{keeper: {config: {lock: h1}}, other: {enabled: false, config: {lock: h1}}}")
        .await
        .unwrap();
    assert_eq!(service.says("/keeper").await, "h1 in round 0");
}

#[tokio::test(start_paused = true)]
async fn what_it_knows_is_handed_over_before_it_stops() {
    let service = Service::start("{keeper: {config: {lock: l, round: 1}}}", []).await;
    assert_eq!(service.says("/keeper/visit/Ada").await, "Ada");
    service
        .reload("{keeper: {config: {lock: l, round: 2}}}")
        .await
        .unwrap();
    assert_eq!(service.says("/keeper/visit/Bob").await, "Ada Bob");
}

#[tokio::test(start_paused = true)]
async fn what_is_built_first_can_t_be_built_last() {
    let source = early("source", |_| ());
    let info = source.info().clone().exclusive(["a file"]);
    let source = crate::made::again(&source, info);
    let service = Service::start("{keeper: {config: {lock: m}}}", [source]).await;
    let error = service
        .app
        .handle()
        .reload_plugin("source")
        .await
        .unwrap_err();
    assert_eq!(error.code(), code::NEEDS_RESTART);
    assert!(error.message().contains("`source`"), "{error}");
}

/// Holds something whatever its settings are.
#[plugin(exclusive = ["the bell"])]
async fn bell(cx: &mut PluginContext) -> Result<()> {
    let lock = Arc::new(Lock::new("the bell")?);
    cx.get("/bell", async move || lock.0.clone());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_function_says_in_its_attribute_what_it_holds() {
    let app = TestChassis::with::<bell>().start().await.unwrap();
    let reloaded = app.reload_all().await.unwrap();
    assert!(reloaded.instances[0].stops_first.is_some());
    assert_eq!(app.get("/bell").await.text(), "the bell");
}
