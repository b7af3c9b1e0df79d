//! How long requests may take, by route.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Says how long requests may take, by route.
#[plugin]
#[derive(Debug)]
pub struct Timeout;

/// What can be set under `plugins.timeout.config`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutConfig {}

impl Plugin for Timeout {
    type Config = TimeoutConfig;

    async fn init(_: TimeoutConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Timeout {}
