//! What can be changed while a service runs.

use super::ChassisHandle;
use crate::{
    error::{Error, Result, code},
    lifecycle::Anew,
    points,
    reload::{Change, ReloadPlan, Reloaded, Wanted},
    status::PluginState,
};
use serde_json::Value;
use std::sync::Arc;

impl ChassisHandle {
    /// Reads the configuration anew, builds the next generation, and makes it the one that serves. Done when what is not part
    /// of it any more has stopped. It goes on if the caller stops waiting.
    ///
    /// Only those instances are built anew whose own settings have changed, and those that require them; all others go on
    /// as they are, with their connections, caches and tasks. What the chassis' own keys say of an instance applies to it all
    /// the same.
    ///
    /// Not to be awaited in a handler of the service itself: a request holds the generation that the reload waits for.
    ///
    /// # Errors
    ///
    /// If another reload is running, or anything failed before the swap; the old generation serves on.
    pub async fn reload(&self) -> Result<Reloaded> {
        self.change(Wanted::default()).await
    }

    /// The same, and builds every instance anew, though nothing of it may have changed.
    ///
    /// # Errors
    ///
    /// As for [`reload`](Self::reload).
    pub async fn reload_all(&self) -> Result<Reloaded> {
        self.change(Anew::All.into()).await
    }

    /// The same, and builds one instance anew, and with it those that require it.
    ///
    /// # Errors
    ///
    /// As for [`reload`](Self::reload); also if there is no such plugin, or if it is disabled.
    pub async fn reload_plugin(&self, name: &str) -> Result<Reloaded> {
        self.change(self.only(name)?.into()).await
    }

    /// The same as [`reload`](Self::reload), also if what the files say has failed probation (`reload.probation`) and has not changed
    /// since.
    ///
    /// # Errors
    ///
    /// As for [`reload`](Self::reload).
    pub async fn reload_rejected(&self) -> Result<Reloaded> {
        let wanted = Wanted {
            force: true,
            ..Wanted::default()
        };
        self.change(wanted).await
    }

    /// What [`reload`](Self::reload) would change now, and why. It touches nothing, and asks no plugin: of the sources of
    /// configuration, what they gave last is taken.
    ///
    /// # Errors
    ///
    /// If the configuration is wrong, or nothing serves.
    pub async fn reload_plan(&self) -> Result<ReloadPlan> {
        self.dry_run(Wanted::default()).await
    }

    pub(crate) async fn reload_in_turn(&self) -> Result<Reloaded> {
        let reloader = self.reloader()?;
        self.on_supervisor(async move { reloader.reload_in_turn().await })
            .await
    }

    /// Lets an instance take part that `enabled: false` keeps out, by a reload. A restart forgets it: see
    /// [`persisting`](Self::persisting).
    ///
    /// # Errors
    ///
    /// If there is none of this name, and as for [`reload`](Self::reload); then nothing has changed.
    pub async fn enable(&self, plugin: &str) -> Result<Reloaded> {
        let plugin = self.name_of(plugin)?;
        self.change(Change::Enable(plugin, true).into()).await
    }

    /// Keeps an instance out, by a reload; those that require it are blocked. A restart forgets it: see
    /// [`persisting`](Self::persisting).
    ///
    /// # Errors
    ///
    /// If there is none of this name, and as for [`reload`](Self::reload); then nothing has changed.
    pub async fn disable(&self, plugin: &str) -> Result<Reloaded> {
        let plugin = self.name_of(plugin)?;
        self.change(Change::Enable(plugin, false).into()).await
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
    /// say. `null` takes back what was changed here. A restart forgets it: see [`persisting`](Self::persisting).
    ///
    /// # Errors
    ///
    /// If there is none of this name, and as for [`reload`](Self::reload); also if the settings are wrong of an instance that
    /// is disabled. Then nothing has changed.
    pub async fn configure(&self, plugin: &str, patch: Value) -> Result<Reloaded> {
        let plugin = self.name_of(plugin)?;
        self.change(Change::Patch(plugin, patch).into()).await
    }

    /// Takes back what operators have changed of an instance, by a reload: since the start, and what was
    /// [persisted](Self::persisting).
    ///
    /// # Errors
    ///
    /// If there is none of this name, and as for [`reload`](Self::reload); then nothing has changed.
    pub async fn reset(&self, plugin: &str) -> Result<Reloaded> {
        let plugin = self.name_of(plugin)?;
        self.change(Change::Reset(plugin).into()).await
    }

    /// The name of a plugin that there is; the error names the nearest.
    pub(crate) fn name_of(&self, plugin: &str) -> Result<Arc<str>> {
        Ok(self.plugin(plugin)?.name)
    }

    /// That one instance is to be built anew.
    pub(crate) fn only(&self, plugin: &str) -> Result<Anew> {
        let report = self.plugin(plugin)?;
        if report.state == PluginState::Disabled {
            let message = format!("`{plugin}` is disabled: there is nothing to build anew");
            return Err(Error::new(code::DISABLED, message).with_help("enable it first"));
        }
        Ok(Anew::One(report.name))
    }

    pub(crate) async fn change(&self, wanted: Wanted) -> Result<Reloaded> {
        let reloader = self.reloader()?;
        self.on_supervisor(async move { reloader.reload(wanted).await })
            .await
    }

    pub(crate) async fn dry_run(&self, wanted: Wanted) -> Result<ReloadPlan> {
        let reloader = self.reloader()?;
        self.on_supervisor(async move { reloader.dry_run(&wanted) })
            .await
    }

    /// On the supervisor, and to the end: whoever waits may give up.
    async fn on_supervisor<R: Send + 'static>(
        &self,
        work: impl Future<Output = Result<R>> + Send + 'static,
    ) -> Result<R> {
        let work = self.supervisor.spawn(work);
        work.await
            .unwrap_or_else(|error| match error.is_cancelled() {
                true => Err(Error::new(code::CLOSED, "the service has stopped")),
                false => Err(error.into()),
            })
    }
}
