//! What an instance that is built anew gets of the one before it.

use crate::{
    made::{Log, plugin},
    scripted::info,
};
use chassis::{Registration, code, prelude::*, testing::TestChassis};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

/// Adds up what it is given at `GET /NAME/add/{number}`, and hands the sum over.
struct Adder {
    name: String,
    sum: AtomicU64,
    config: AdderConfig,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct AdderConfig {
    /// What is added each time besides.
    tip: u64,
    /// How it hands over.
    hands_over: Manner,
    /// Whether it starts.
    fails_late: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Manner {
    #[default]
    Well,
    Fails,
    Panics,
    Hangs,
    /// Of another type than is asked for.
    Text,
}

impl Plugin for Adder {
    type Config = AdderConfig;

    async fn init(config: AdderConfig, cx: &mut PluginContext) -> Result<Self> {
        let sum = cx.handed_over().unwrap_or(0);
        assert_eq!(cx.handed_over::<u64>(), None, "it can be taken once");
        let before = cx.previous::<AdderConfig>();
        let before = before.map_or("nothing".to_owned(), |before| format!("tip {}", before.tip));
        let path = format!("/{}/before", cx.name());
        cx.get(&path, async move || before);
        Ok(Self {
            name: cx.name().to_owned(),
            sum: AtomicU64::new(sum),
            config,
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let this = Arc::clone(self);
        let add = async move |Path(number): Path<u64>| {
            let added = number + this.config.tip;
            (this.sum.fetch_add(added, SeqCst) + added).to_string()
        };
        to.get(&format!("/{}/add/{{number}}", self.name), add);
        let this = Arc::clone(self);
        match self.config.hands_over {
            Manner::Text => to.hand_over(async || Ok("a text")),
            manner => to.hand_over(async move || match manner {
                Manner::Fails => Err(std::io::Error::other("there is no paper").into()),
                Manner::Panics => panic!("the pen is broken"),
                Manner::Hangs => std::future::pending().await,
                _ => Ok(this.sum.load(SeqCst)),
            }),
        }
        Ok(())
    }

    async fn start(self: &Arc<Self>, _: &chassis::Background) -> Result<()> {
        match self.config.fails_late {
            true => Err(std::io::Error::other("it does not start").into()),
            false => Ok(()),
        }
    }
}

fn adder() -> Registration {
    Registration::new::<Adder>(info("adder"))
}

struct Service {
    file: tempfile::NamedTempFile,
    app: TestChassis,
}

impl Service {
    async fn start(plugins: &str) -> Self {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        std::fs::write(file.path(), format!("plugins: {plugins}\n")).unwrap();
        let app = TestChassis::builder()
            .register(adder())
            .register(plugin("other", |_| ()))
            .config_file(file.path());
        let app = app.start().await.unwrap();
        Self { file, app }
    }

    async fn reload(&self, plugins: &str) -> Result<chassis::Reloaded> {
        std::fs::write(self.file.path(), format!("plugins: {plugins}\n")).unwrap();
        self.app.reload().await
    }

    async fn says(&self, path: &str) -> String {
        self.app.get(path).await.text().to_owned()
    }
}

#[tokio::test(start_paused = true)]
async fn the_new_instance_goes_on_where_the_old_one_was() {
    let service = Service::start("{adder: {config: {tip: 0}}}").await;
    assert_eq!(service.says("/adder/before").await, "nothing");
    assert_eq!(service.says("/adder/add/5").await, "5");
    let reloaded = service.reload("{adder: {config: {tip: 1}}}").await.unwrap();
    assert!(reloaded.rebuilt.iter().any(|name| &**name == "adder"));
    assert_eq!(service.says("/adder/before").await, "tip 0");
    assert_eq!(service.says("/adder/add/5").await, "11");
    // Built anew with the same settings.
    service.app.handle().reload_plugin("adder").await.unwrap();
    assert_eq!(service.says("/adder/before").await, "tip 1");
    assert_eq!(service.says("/adder/add/0").await, "12");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_built_in_place_of_another_gets_nothing() {
    let service = Service::start("{adder: {config: {tip: 1}}, second: {use: adder}}").await;
    assert_eq!(service.says("/adder/add/1").await, "2");
    assert_eq!(service.says("/second/add/7").await, "7");
    let handle = service.app.handle();
    handle.disable("adder").await.unwrap();
    handle.enable("adder").await.unwrap();
    assert_eq!(service.says("/adder/before").await, "nothing");
    assert_eq!(service.says("/adder/add/0").await, "1");
    // Each has its own.
    service.app.reload_all().await.unwrap();
    assert_eq!(service.says("/adder/add/0").await, "2");
    assert_eq!(service.says("/second/add/0").await, "7");
    // Of the same name, and of another plugin.
    service.reload("{second: {use: other}}").await.unwrap();
    service.reload("{second: {use: adder}}").await.unwrap();
    assert_eq!(service.says("/second/before").await, "nothing");
    assert_eq!(service.says("/second/add/0").await, "0");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_goes_on_is_not_asked() {
    let log = Log::new();
    let (asked, built) = (log.clone(), log.clone());
    let shy = plugin("shy", move |cx| {
        built.note(format!("built with {:?}", cx.handed_over::<u64>()));
        let asked = asked.clone();
        cx.hand_over(async move || {
            asked.note("asked");
            Ok(1_u64)
        });
    });
    let app = TestChassis::builder().register(shy).register(adder());
    let app = app.start().await.unwrap();
    app.handle().reload_plugin("adder").await.unwrap();
    app.handle().reload_plan().await.unwrap();
    assert_eq!(log.lines(), ["built with None"]);
    app.reload_all().await.unwrap();
    assert_eq!(
        log.lines(),
        ["built with None", "asked", "built with Some(1)"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_fails_fails_the_reload_and_nothing_is_lost() {
    for (manner, told) in [
        ("fails", "there is no paper"),
        ("panics", "the pen is broken"),
        ("hangs", "30s"),
    ] {
        let plugins = format!("{{adder: {{config: {{hands_over: {manner}}}}}}}");
        let service = Service::start(&plugins).await;
        assert_eq!(service.says("/adder/add/5").await, "5");
        let begun = tokio::time::Instant::now();
        let error = service.reload("{}").await.unwrap_err();
        assert!(begun.elapsed() <= Duration::from_secs(30), "{manner}");
        assert_eq!(error.code(), code::RELOAD_FAILED, "{manner}");
        assert_eq!(
            (error.plugin(), error.place()),
            (Some("adder"), Some("hand_over")),
            "{manner}"
        );
        assert!(error.report().contains(told), "{}", error.report());
        assert_eq!(
            service.says("/adder/add/1").await,
            "6",
            "{manner}: it serves on"
        );
        assert_eq!(service.app.handle().generations().unwrap().len(), 1);
        // The way out: a start from nothing.
        service.reload("{adder: {enabled: false}}").await.unwrap();
        service.reload("{}").await.unwrap();
        assert_eq!(service.says("/adder/add/1").await, "1", "{manner}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_another_type_is_nothing() {
    let service = Service::start("{adder: {config: {hands_over: text}}}").await;
    service.says("/adder/add/5").await;
    service.reload("{adder: {config: {tip: 1}}}").await.unwrap();
    assert_eq!(service.says("/adder/before").await, "tip 0");
    assert_eq!(service.says("/adder/add/0").await, "1");
}

#[tokio::test(start_paused = true)]
async fn nothing_remains_of_a_snapshot_whose_reload_fails() {
    let service = Service::start("{adder: {config: {}}}").await;
    service.says("/adder/add/5").await;
    let error = service
        .reload("{adder: {config: {fails_late: true}}}")
        .await;
    assert_eq!(error.unwrap_err().place(), Some("start"));
    // What happens meanwhile is in the next one.
    service.says("/adder/add/5").await;
    service.reload("{adder: {config: {tip: 1}}}").await.unwrap();
    assert_eq!(service.says("/adder/add/0").await, "11");

    let held = Arc::new(());
    let weak = Arc::downgrade(&held);
    let fails = Arc::new(AtomicU64::new(0));
    let (keep, counted) = (Arc::clone(&held), Arc::clone(&fails));
    let holder = plugin("holder", move |cx| {
        let keep = Arc::clone(&keep);
        cx.hand_over(async move || Ok(keep));
        assert!(
            counted.fetch_add(1, SeqCst) != 1,
            "the second does not come to be"
        );
    });
    let app = TestChassis::builder().register(holder);
    let app = app.start().await.unwrap();
    let before = weak.strong_count();
    app.reload_all().await.unwrap_err();
    assert_eq!(weak.strong_count(), before);
    app.reload_all().await.unwrap();
    assert_eq!(weak.strong_count(), before);
}
