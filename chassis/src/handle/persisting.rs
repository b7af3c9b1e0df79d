//! Changes that a restart remembers.

use super::ChassisHandle;
use crate::{
    error::Result,
    reload::{Change, Reloaded, Wanted},
};
use serde_json::Value;

/// Changes that a restart remembers: see [`ChassisHandle::persisting`].
#[derive(Debug)]
#[must_use]
pub struct Persisting<'a>(&'a ChassisHandle);

impl ChassisHandle {
    /// For changes that a restart remembers. They are written to `config.local.yaml` beside the configuration file, once the
    /// reload has succeeded that makes them; [`reset`](Self::reset) takes them back there too.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// async fn retire(handle: chassis::ChassisHandle) -> Result<()> {
    ///     let reloaded = handle.persisting().disable("old-api").await?;
    ///     assert_eq!(reloaded.persisted, Some(true));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// All of them fail, and change nothing, with `config.no_file` if there is no configuration file that it could stand
    /// beside, and with `config.unwritable` if it can't be written. Should that turn out only when the new generation serves
    /// already, the error is `config.not_persisted`.
    pub const fn persisting(&self) -> Persisting<'_> {
        Persisting(self)
    }
}

impl Persisting<'_> {
    /// As [`ChassisHandle::enable`].
    ///
    /// # Errors
    ///
    /// As there; and if it can't be persisted.
    pub async fn enable(&self, plugin: &str) -> Result<Reloaded> {
        let plugin = self.0.name_of(plugin)?;
        self.change(Change::Enable(plugin, true)).await
    }

    /// As [`ChassisHandle::disable`].
    ///
    /// # Errors
    ///
    /// As there; and if it can't be persisted.
    pub async fn disable(&self, plugin: &str) -> Result<Reloaded> {
        let plugin = self.0.name_of(plugin)?;
        self.change(Change::Enable(plugin, false)).await
    }

    /// As [`ChassisHandle::configure`]; `null` takes back what was persisted. Nothing in it is taken for a reference
    /// (`${NAME}`).
    ///
    /// # Errors
    ///
    /// As there; and if it can't be persisted.
    pub async fn configure(&self, plugin: &str, patch: Value) -> Result<Reloaded> {
        let plugin = self.0.name_of(plugin)?;
        self.change(Change::Patch(plugin, patch)).await
    }

    async fn change(&self, change: Change) -> Result<Reloaded> {
        let wanted = Wanted {
            persist: true,
            ..change.into()
        };
        self.0.change(wanted).await
    }
}
