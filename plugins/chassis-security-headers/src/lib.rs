//! Headers that make browsers careful, on every answer.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Writes the headers that make browsers careful.
#[plugin]
#[derive(Debug)]
pub struct SecurityHeaders;

/// What can be set under `plugins.security-headers.config`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityHeadersConfig {}

impl Plugin for SecurityHeaders {
    type Config = SecurityHeadersConfig;

    async fn init(_: SecurityHeadersConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl SecurityHeaders {}
