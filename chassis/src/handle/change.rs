//! What can be changed while a service runs.

use super::ChassisHandle;
use crate::{
    config::Overrides,
    error::{Error, Result, code},
    points,
    reload::Reloaded,
};
use serde_json::Value;
use std::sync::Arc;

impl ChassisHandle {
    /// Reads the configuration anew, builds the next generation, and makes it the one that serves. Done when the old
    /// one has stopped. It goes on if the caller stops waiting.
    ///
    /// Not to be awaited in a handler of the service itself: a request holds the generation that the reload waits for.
    ///
    /// # Errors
    ///
    /// If another reload is running, or anything failed before the swap; the old generation serves on.
    pub async fn reload(&self) -> Result<Reloaded> {
        let reloader = self.reloader()?;
        self.on_supervisor(async move { reloader.reload().await })
            .await
    }

    /// The same for who can wait until a reload that runs already is done.
    pub(crate) async fn reload_in_turn(&self) -> Result<Reloaded> {
        let reloader = self.reloader()?;
        self.on_supervisor(async move { reloader.reload_in_turn().await })
            .await
    }

    /// Lets an instance take part that `enabled: false` keeps out, by a reload. A restart forgets it.
    ///
    /// # Errors
    ///
    /// If there is none of this name, and as for [`reload`](Self::reload); then nothing has changed.
    pub async fn enable(&self, plugin: &str) -> Result<Reloaded> {
        self.change(plugin, |overrides, name| {
            overrides.set(&["plugins", name, "enabled"], true.into());
        })
        .await
    }

    /// Keeps an instance out, by a reload; those that require it are blocked. A restart forgets it.
    ///
    /// # Errors
    ///
    /// If there is none of this name, and as for [`reload`](Self::reload); then nothing has changed.
    pub async fn disable(&self, plugin: &str) -> Result<Reloaded> {
        self.change(plugin, |overrides, name| {
            overrides.set(&["plugins", name, "enabled"], false.into());
        })
        .await
    }

    /// The point at which an instance decides what callers, plugins or services may do, if it does.
    pub(crate) fn guarded_by(&self, plugin: &str) -> Option<Arc<str>> {
        let lease = self.reloader().ok()?.serving().ok()?;
        let mut points = lease.0.points.iter();
        let point = points.find(|point| {
            let is_guard = point.info.sealed || *point.info.name == *points::AUTHENTICATE.name;
            is_guard
                && point
                    .handlers
                    .iter()
                    .any(|handler| *handler.plugin == *plugin)
        });
        point.map(|point| Arc::clone(&point.info.name))
    }

    /// Changes the settings of an instance, by a reload: a JSON merge patch (RFC 7396), over what files and environment
    /// say. `null` takes back what was changed here. A restart forgets it.
    ///
    /// # Errors
    ///
    /// If there is none of this name, and as for [`reload`](Self::reload); then nothing has changed.
    pub async fn configure(&self, plugin: &str, patch: Value) -> Result<Reloaded> {
        self.change(plugin, move |overrides, name| {
            overrides.patch(&["plugins", name, "config"], &patch);
        })
        .await
    }

    /// Takes back what was changed of an instance while the service runs, by a reload.
    ///
    /// # Errors
    ///
    /// If there is none of this name, and as for [`reload`](Self::reload); then nothing has changed.
    pub async fn reset(&self, plugin: &str) -> Result<Reloaded> {
        self.change(plugin, |overrides, name| {
            overrides.clear(&["plugins", name]);
        })
        .await
    }

    async fn change(
        &self,
        plugin: &str,
        change: impl FnOnce(&mut Overrides, &str) + Send + 'static,
    ) -> Result<Reloaded> {
        // Who is not there can't be changed; the error names the nearest.
        let name = self.plugin(plugin)?.name;
        let reloader = self.reloader()?;
        self.on_supervisor(async move {
            reloader
                .reload_with(|overrides| change(overrides, &name))
                .await
        })
        .await
    }

    /// On the supervisor, and in a task of its own: half a reload is none.
    async fn on_supervisor(
        &self,
        reload: impl Future<Output = Result<Reloaded>> + Send + 'static,
    ) -> Result<Reloaded> {
        let reload = self.supervisor.spawn(reload);
        reload
            .await
            .unwrap_or_else(|error| match error.is_cancelled() {
                true => Err(Error::new(code::CLOSED, "the service has stopped")),
                false => Err(error.into()),
            })
    }
}
