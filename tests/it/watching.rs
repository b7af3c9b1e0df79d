//! Files that change while the service runs: real files, a real service, and no reload but for a change.

use crate::client;
use chassis::{
    ConfigLayer, Registration, Running,
    points::{CONFIG_LOAD, ConfigQuestion},
    prelude::*,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{fs, path::Path, time::Duration};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Tells what it was built with: each line is a generation.
#[derive(Debug)]
struct Teller;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TellerConfig {
    /// Which test it tells.
    to: String,
    text: String,
}

static TOLD: std::sync::Mutex<Vec<(String, UnboundedSender<String>)>> =
    std::sync::Mutex::new(Vec::new());

impl Plugin for Teller {
    type Config = TellerConfig;

    async fn init(config: TellerConfig, _: &mut PluginContext) -> Result<Self> {
        let tests = TOLD.lock().expect("no test panics with it");
        for (_, test) in tests.iter().filter(|(name, _)| *name == config.to) {
            _ = test.send(config.text.clone());
        }
        Ok(Self)
    }
}

/// A running service, and what its generations were built with.
pub(crate) struct Service {
    running: Running,
    built: UnboundedReceiver<String>,
}

impl Service {
    pub(crate) async fn start(name: &str, file: &Path, more: &[(&str, &str)]) -> Self {
        let (tell, built) = unbounded_channel();
        TOLD.lock()
            .expect("no test panics with it")
            .push((name.to_owned(), tell));
        let info = chassis::PluginInfo::new("teller", "1.0.0").expect("it is a valid name");
        let mut builder = client::service([Registration::new::<Teller>(info)])
            .plugin::<files>()
            .config_file(file)
            .set("plugins.teller.config.to", name);
        for (path, value) in more {
            builder = builder.set(path, *value);
        }
        let running = client::start(builder).await;
        Self { running, built }
    }

    /// What the next generation is built with.
    pub(crate) async fn next(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(30), self.built.recv());
        next.await.expect("the change is seen").expect("it is told")
    }
}

pub(crate) fn text(text: &str) -> String {
    format!("plugins:\n  teller:\n    config:\n      text: {text}\n")
}

/// A source that gives what is in a file.
#[plugin(stage = "bootstrap")]
async fn files(config: FilesConfig, cx: &mut PluginContext) -> Result<()> {
    cx.provide(
        &CONFIG_LOAD,
        async move |_: &ConfigQuestion| -> Result<ConfigLayer> {
            let Some(path) = config.path.clone() else {
                return Ok(ConfigLayer::new());
            };
            let text = fs::read_to_string(&path)?;
            Ok(ConfigLayer::new()
                .text("plugins.teller.config.text", text, "files")
                .watch(path))
        },
    );
    Ok(())
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct FilesConfig {
    path: Option<String>,
}

#[tokio::test]
async fn a_changed_file_reloads_and_a_broken_one_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    fs::write(&file, text("one")).unwrap();
    let mut service = Service::start("changed", &file, &[]).await;
    assert_eq!(service.next().await, "one");

    // As an editor does it: a new file takes the place of the old one.
    let new = directory.path().join("config.yaml.new");
    fs::write(&new, text("two")).unwrap();
    fs::rename(&new, &file).unwrap();
    assert_eq!(service.next().await, "two");

    fs::write(&new, "plugins: [").unwrap();
    fs::rename(&new, &file).unwrap();
    fs::write(&new, text("three")).unwrap();
    fs::rename(&new, &file).unwrap();
    assert_eq!(
        service.next().await,
        "three",
        "the broken one was never built"
    );
    assert!(service.running.stop().await.is_graceful());
}

#[tokio::test]
async fn a_file_that_is_referred_to_and_one_of_a_source_count_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("config.yaml"), text("${file:word}")).unwrap();
    fs::write(path("word"), "one\n").unwrap();
    let mut service = Service::start("referred", &path("config.yaml"), &[]).await;
    assert_eq!(service.next().await, "one");
    fs::write(path("word.new"), "two\n").unwrap();
    fs::rename(path("word.new"), path("word")).unwrap();
    assert_eq!(service.next().await, "two");
    service.running.stop().await;

    fs::write(path("source"), "three").unwrap();
    let source = path("source").display().to_string();
    let more = [("plugins.files.config.path", source.as_str())];
    let mut service = Service::start("source", &path("config.yaml"), &more).await;
    assert_eq!(service.next().await, "three");
    fs::write(path("source.new"), "four").unwrap();
    fs::rename(path("source.new"), path("source")).unwrap();
    assert_eq!(service.next().await, "four");
    service.running.stop().await;
}

#[tokio::test]
async fn it_can_be_switched_off_and_on_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let write = |watch: bool, word: &str| {
        fs::write(&file, format!("reload: {{watch: {watch}}}\n{}", text(word))).unwrap();
    };
    write(false, "one");
    let mut service = Service::start("off", &file, &[]).await;
    assert_eq!(service.next().await, "one");
    write(false, "two");
    // Nobody looks; whoever asks for it gets a reload, and from then on somebody does.
    write(true, "three");
    service.running.handle().reload().await.unwrap();
    assert_eq!(service.next().await, "three");
    write(true, "four");
    assert_eq!(service.next().await, "four");
    service.running.stop().await;
}
