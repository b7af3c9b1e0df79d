//! Little plugins, made of a closure that contributes, and a log to write to.

use crate::scripted::info;
use chassis::{NoConfig, Plugin, PluginContext, Registration, Result, Stage};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// A plugin of this name that contributes what the closure says, each time it is built.
pub(crate) fn plugin(
    name: &str,
    put: impl Fn(&mut PluginContext) + Send + Sync + 'static,
) -> Registration {
    let mut puts = PUTS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut info = info(name);
    // The one thing of a registration that is free, and known in `init`.
    info.description = puts.len().to_string();
    puts.push(Arc::new(put));
    Registration::new::<Made>(info)
}

/// As [`plugin`], of one that requires others.
pub(crate) fn plugin_requiring(
    name: &str,
    requires: &[&str],
    put: impl Fn(&mut PluginContext) + Send + Sync + 'static,
) -> Registration {
    let made = plugin(name, put);
    Registration::new::<Made>(made.info().clone().requires(requires.iter().copied()))
}

/// The same plugin, of which something else is known. Its description is not to be changed.
pub(crate) fn again(made: &Registration, info: chassis::PluginInfo) -> Registration {
    assert_eq!(made.info().description, info.description);
    Registration::new::<Made>(info)
}

/// As [`plugin`], of one of the stage `bootstrap`.
pub(crate) fn early(
    name: &str,
    put: impl Fn(&mut PluginContext) + Send + Sync + 'static,
) -> Registration {
    let made = plugin(name, put);
    let mut info = made.info().clone();
    info.stage = Stage::Bootstrap;
    Registration::new::<Made>(info)
}

static PUTS: Mutex<Vec<Put>> = Mutex::new(Vec::new());

type Put = Arc<dyn Fn(&mut PluginContext) + Send + Sync>;

struct Made;

impl Plugin for Made {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        let index: usize = cx.info().description.parse()?;
        let put = Arc::clone(&PUTS.lock().unwrap_or_else(PoisonError::into_inner)[index]);
        put(cx);
        Ok(Self)
    }
}

/// What has happened, in order.
#[derive(Clone, Debug)]
pub(crate) struct Log(watch::Sender<Vec<String>>);

impl Log {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }

    pub(crate) fn note(&self, line: impl fmt::Display) {
        self.0.send_modify(|lines| lines.push(line.to_string()));
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// Waits until there are so many lines, and a bit longer for one too many.
    pub(crate) async fn until(&self, count: usize) -> Vec<String> {
        self.wait(&format!("{count} lines"), |lines| lines.len() >= count)
            .await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.lines()
    }

    /// Waits until the lines are as they should be.
    pub(crate) async fn wait(&self, what: &str, is_so: impl Fn(&Vec<String>) -> bool) {
        let mut lines = self.0.subscribe();
        let waited = tokio::time::timeout(Duration::from_secs(30), lines.wait_for(is_so)).await;
        assert!(waited.is_ok(), "no {what} in {:?}", self.lines());
    }
}
