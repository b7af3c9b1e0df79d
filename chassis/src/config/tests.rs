//! Layers, origins, every error by what it says, and the sample.

use std::{collections::BTreeMap, fs, time::Duration};

use serde::Deserialize;
use serde_json::json;

use super::{Config, ConfigBuilder, LogFormat, Settings, Tree, load};
use crate::error::{Error, Result, code};

mod sample;
mod layers;
mod files;
mod yaml_errors;
mod environment_variables;
mod settings_errors;
mod plugin_sections;
mod references;
mod profiles;
mod precedence;
mod schema;
mod manual;
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
