//! What an instance that a reload builds anew may know of the one before it.

use super::PluginContext;
use crate::{config::PluginSection, contributions::Handed};
use serde::de::DeserializeOwned;
use std::{
    any::type_name,
    sync::{Arc, Mutex, PoisonError},
};

/// What is left of the instance before.
pub(crate) struct Previous {
    pub(crate) section: PluginSection,
    pub(crate) handed: HandedSlot,
}

/// Where its snapshot is put, and taken from.
pub(crate) type HandedSlot = Arc<Mutex<Option<Handed>>>;

impl PluginContext {
    /// The configuration of the instance that this one is built in place of. None unless a reload builds it anew: at the first
    /// start, when it was disabled before, or when the name was that of an instance of another plugin.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # #[derive(serde::Deserialize, schemars::JsonSchema)]
    /// # struct CacheConfig { entries: usize }
    /// # struct Cache;
    /// # impl Plugin for Cache {
    /// #     type Config = CacheConfig;
    /// async fn init(config: CacheConfig, cx: &mut PluginContext) -> Result<Self> {
    ///     if let Some(before) = cx.previous::<CacheConfig>() {
    ///         println!("{} entries, and {} before", config.entries, before.entries);
    ///     }
    ///     // ..
    /// #   Ok(Self)
    /// }
    /// # }
    /// ```
    pub fn previous<C: DeserializeOwned>(&self) -> Option<C> {
        let section = &self.previous.as_ref()?.section;
        match section.read::<C>() {
            Ok(config) => Some(config),
            Err(_) => {
                // Not the errors: there may be a value in them that is a secret in the type of before.
                let plugin = self.name();
                tracing::warn!(
                    plugin,
                    asked = type_name::<C>(),
                    "the previous configuration is not of the type that is asked for"
                );
                None
            }
        }
    }

    /// What the instance that this one is built in place of has left to it: the snapshot that it makes at
    /// [`hand_over`](crate::Contributions::hand_over). It can be taken once.
    ///
    /// None if there is none: at the first start, or when it was disabled before. Also if it is of another type; that is a
    /// mistake, and logged.
    ///
    /// A struct says in [`contribute`](crate::Plugin::contribute) what it hands over:
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # use std::{collections::HashMap, sync::{Arc, Mutex}};
    /// struct Sessions(Mutex<HashMap<String, u64>>);
    ///
    /// impl Plugin for Sessions {
    ///     type Config = NoConfig;
    ///
    ///     async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
    ///         Ok(Self(Mutex::new(cx.handed_over().unwrap_or_default())))
    ///     }
    ///
    ///     fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
    ///         let this = Arc::clone(self);
    ///         to.hand_over(async move || Ok(this.0.lock().unwrap().clone()));
    ///         to.blocks(self);
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn handed_over<T: Send + 'static>(&mut self) -> Option<T> {
        let slot = &self.previous.as_ref()?.handed;
        let handed = slot.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        match handed.downcast() {
            Ok(value) => Some(value),
            Err(of) => {
                let (plugin, asked) = (self.name(), type_name::<T>());
                tracing::warn!(
                    plugin,
                    asked,
                    of,
                    "what was handed over is of another type, and is lost"
                );
                None
            }
        }
    }
}
