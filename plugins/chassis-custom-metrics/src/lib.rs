//! Counters, gauges and histograms that the configuration declares: from events, from answers, from what code tells.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Makes metrics of events, of answers, and of what code tells.
#[plugin]
#[derive(Debug)]
pub struct CustomMetrics;

/// What can be set under `plugins.custom-metrics.config`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CustomMetricsConfig {}

impl Plugin for CustomMetrics {
    type Config = CustomMetricsConfig;

    async fn init(_: CustomMetricsConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl CustomMetrics {}
