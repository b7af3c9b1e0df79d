//! Layers, origins, every error by what it says, and the sample.

use std::{collections::BTreeMap, fs, marker::PhantomData, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Config, ConfigBuilder, LogFormat, Settings, Tree, load};
use crate::{
    context::PluginContext,
    error::{Error, Result, code},
    info::PluginInfo,
    plugin::{NoConfig, Plugin, PluginConfig, Registration},
    registry::{Asked, Registry},
};

mod sample;
mod layers;
mod files;
mod yaml_errors;
mod environment_variables;
mod settings_errors;
mod plugin_sections;
mod checked_sections;
mod references;
mod profiles;
mod precedence;
mod local_file;
mod schema;
mod manual;
mod foreign;
mod shapes;
mod brought_along;
mod fixes;

fn yaml(text: &str) -> ConfigBuilder {
    Config::builder().yaml("config.yaml", text)
}

fn environment(name: &str, value: &str) -> ConfigBuilder {
    Config::builder().environment([(name, value)])
}

/// One line per error: origin, message, help.
fn errors(result: Result<Config>) -> Vec<String> {
    lines(&result.expect_err("the configuration should be wrong"))
}

/// The same, of plugins with these settings.
fn errors_with(text: &str, plugins: &[Registration]) -> Vec<String> {
    errors(accept(yaml(text), plugins))
}

fn accept(builder: ConfigBuilder, plugins: &[Registration]) -> Result<Config> {
    let registry = Registry::new(false, plugins.to_vec())?;
    registry.accept(builder.draft(), Asked::Not)
}

/// A plugin of this name, with settings of this type.
fn plugin<C: PluginConfig + Sync>(name: &str) -> Registration {
    struct Settled<C>(PhantomData<C>);

    impl<C: PluginConfig + Sync> Plugin for Settled<C> {
        type Config = C;

        async fn init(_: C, _: &mut PluginContext) -> Result<Self> {
            Ok(Self(PhantomData))
        }
    }

    Registration::new::<Settled<C>>(PluginInfo::new(name, "1.0.0").unwrap())
}

fn lines(error: &Error) -> Vec<String> {
    let line = |error: &Error| {
        let origin = error.origin().unwrap_or("-");
        match error.help() {
            Some(help) => format!("{origin}: {} ({help})", error.message()),
            None => format!("{origin}: {}", error.message()),
        }
    };
    std::iter::once(error)
        .chain(error.others())
        .map(line)
        .collect()
}

fn origin(config: &Config, path: &str) -> String {
    config
        .origin(path)
        .map(ToString::to_string)
        .unwrap_or_default()
}
