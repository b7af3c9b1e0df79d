//! Lets pages of other origins call a service, by route.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Lets pages of other origins call the service.
#[plugin]
#[derive(Debug)]
pub struct Cors;

/// What can be set under `plugins.cors.config`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {}

impl Plugin for Cors {
    type Config = CorsConfig;

    async fn init(_: CorsConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Cors {}
