//! A log with levels, redaction and a limit of repetitions, and an audit file of chosen events.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Writes the log: its format, its levels, what is kept out of it; and chosen events into an audit file.
#[plugin(stage = "bootstrap")]
#[derive(Debug)]
pub struct StructuredLogging;

/// What can be set under `plugins.structured-logging.config`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StructuredLoggingConfig {}

impl Plugin for StructuredLogging {
    type Config = StructuredLoggingConfig;

    async fn init(_: StructuredLoggingConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl StructuredLogging {}
