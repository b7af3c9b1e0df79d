//! A service that keeps secrets, and talks all the time: see `it/secrets.rs`.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, process::ExitCode};

chassis::link!(chassis_config_directory);

/// Keeps secrets.
#[plugin]
struct Keeper(KeeperConfig);

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct KeeperConfig {
    /// A word.
    password: Secret,
    /// A number.
    pin: Option<Secret<u32>>,
    /// Several.
    keys: Vec<Secret>,
    /// By name.
    tokens: BTreeMap<String, Secret>,
    /// Further in.
    database: Database,
    /// Not secret as a type: where it comes from makes it one.
    note: String,
    /// One of two.
    kind: Kind,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Database {
    /// With a password in it.
    url: String,
    /// On its own.
    #[schemars(length(max = 64))]
    password: Secret,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    One,
    Two,
}

impl Plugin for Keeper {
    type Config = KeeperConfig;

    async fn init(config: KeeperConfig, cx: &mut PluginContext) -> Result<Self> {
        let KeeperConfig {
            password,
            pin,
            keys,
            tokens,
            database,
            kind,
            ..
        } = &config;
        tracing::info!(
            ?password,
            ?pin,
            ?keys,
            ?tokens,
            ?database.password,
            ?kind,
            "{password}"
        );
        if cx.name() == "broken" {
            return Err(Error::msg(format!("can't use {password:?} and {keys:?}")));
        }
        Ok(Self(config))
    }
}

#[contributes]
impl Keeper {
    /// What a careless author writes.
    #[get("/panic")]
    async fn panics(&self) -> String {
        panic!("{:?} {:?}", self.0.password, self.0.tokens);
    }

    /// It knows them.
    #[get("/length")]
    async fn length(&self) -> String {
        let config = &self.0;
        let all = config.keys.iter().chain(config.tokens.values());
        let all = all.chain([&config.password, &config.database.password]);
        let length: usize = all.map(|secret| secret.expose().len()).sum();
        (length + config.note.len()).to_string()
    }
}

fn main() -> ExitCode {
    chassis::main()
}
