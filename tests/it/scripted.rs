//! A plugin that does what its configuration says, and writes down what is done with it.

use chassis::{
    Background, Contributions, NoConfig, Plugin, PluginContext, PluginInfo, Registration, Result,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// What a step of the life does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    #[default]
    Succeed,
    Fail,
    Panic,
    /// Awaits for ever.
    Hang,
    /// Blocks its thread until [`release`] is called.
    Block,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Script {
    /// The log to write to: that of the test.
    log: String,
    init: Step,
    start: Step,
    stop: Step,
}

pub(crate) struct Scripted {
    name: String,
    script: Script,
}

impl Plugin for Scripted {
    type Config = Script;

    async fn init(script: Script, cx: &mut PluginContext) -> Result<Self> {
        let plugin = Self {
            name: cx.name().to_owned(),
            script,
        };
        plugin.step("init", plugin.script.init).await?;
        let (name, log) = (plugin.name.clone(), plugin.script.log.clone());
        cx.background().spawn("task", async move {
            note(&log, format!("task {name}"));
            std::future::pending().await
        });
        Ok(plugin)
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let this = Arc::clone(self);
        to.get(&format!("/{}", self.name), async move || this.name.clone());
        Ok(())
    }

    async fn start(self: &Arc<Self>, _: &Background) -> Result<()> {
        self.step("start", self.script.start).await
    }

    async fn stop(&self) -> Result<()> {
        self.step("stop", self.script.stop).await
    }
}

impl Scripted {
    async fn step(&self, name: &str, step: Step) -> Result<()> {
        note(&self.script.log, format!("{name} {}", self.name));
        match step {
            Step::Succeed => Ok(()),
            Step::Fail => Err(std::io::Error::other(format!("{name} was told to fail")).into()),
            Step::Panic => panic!("{name} was told to panic"),
            Step::Hang => std::future::pending().await,
            Step::Block => {
                while !log(&self.script.log).contains(&"release".to_owned()) {
                    std::thread::yield_now();
                }
                Ok(())
            }
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        note(&self.script.log, format!("drop {}", self.name));
    }
}

static LOGS: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

fn note(log: &str, line: String) {
    let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
    logs.entry(log.to_owned()).or_default().push(line);
}

/// What was done, in order.
pub(crate) fn log(log: &str) -> Vec<String> {
    LOGS.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(log)
        .cloned()
        .unwrap_or_default()
}

/// The lines that begin so.
pub(crate) fn steps(of: &str, step: &str) -> Vec<String> {
    let step = format!("{step} ");
    log(of)
        .iter()
        .filter_map(|line| line.strip_prefix(&step).map(str::to_owned))
        .collect()
}

/// Lets those go on that block their threads.
pub(crate) fn release(log: &str) {
    note(log, "release".to_owned());
}

/// A scripted plugin of this name that requires these.
pub(crate) fn scripted(name: &str, requires: &[&str]) -> Registration {
    Registration::new::<Scripted>(info(name).requires(requires.iter().copied()))
}

pub(crate) fn info(name: &str) -> PluginInfo {
    PluginInfo::new(name, "1.0.0").expect("the name of a test plugin is valid")
}

/// A plugin without settings that only contributes.
pub(crate) struct Quiet;

impl Plugin for Quiet {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}
