//! Keys beside `config:` that are none of ours: settings of the plugin, words of other systems, or misspelt.
//!
//! Only the schema of the plugin can tell, and whoever has no plugins to ask is told what is most likely.

use serde_json::Value;

use super::{
    foreign, path,
    plugins::{KEYS, PluginSection},
    section,
    tree::Tree,
};
use crate::{
    error::{Error, Fix, code},
    text::{is_slip, nearest, quoted, visible},
};

/// What is wrong with what stands there.
pub(super) fn judge(section: &PluginSection, schema: Option<&Value>) -> Vec<Error> {
    let known = schema.map_or_else(Known::default, Known::new);
    let judge = |(key, value): &(String, Tree)| {
        let error = known.judge(&section.name, key, value);
        section::placed(error, value.key_place()).in_plugin(&*section.name)
    };
    section.beside.iter().map(judge).collect()
}

/// The keys that a plugin's settings have.
#[derive(Default)]
struct Known<'a> {
    keys: Vec<&'a str>,
    /// Whether it takes no others.
    is_closed: bool,
}

impl<'a> Known<'a> {
    fn new(schema: &'a Value) -> Self {
        let keys = schema.get("properties").and_then(Value::as_object);
        // Any of these may bring further keys.
        let open = ["$ref", "allOf", "anyOf", "oneOf", "patternProperties"];
        let is_map = schema.get("additionalProperties") == Some(&Value::Bool(false))
            && open.iter().all(|word| schema.get(word).is_none());
        let is_nothing = schema.get("type").is_some_and(|kind| kind == "null");
        Self {
            keys: keys.into_iter().flatten().map(|(key, _)| &**key).collect(),
            is_closed: is_map || is_nothing,
        }
    }

    fn judge(&self, plugin: &str, key: &str, value: &Tree) -> Error {
        if self.keys.contains(&key) {
            return flat(plugin, key, &[]);
        }
        if let Some(mut advice) = foreign::beside_config(key, value) {
            if !self.is_closed {
                // It may be a setting after all: of a plugin that is not linked yet, or of another name.
                advice.fix = None;
            }
            return section::advised(advice, value.key_place());
        }
        if !self.is_closed {
            return flat(plugin, key, &nearest(key, KEYS.iter().copied()));
        }
        let parent = path::show(["plugins", plugin]);
        let message = format!("`{}` is not a known key of `{parent}`", visible(key));
        let near = nearest(key, KEYS.iter().chain(&self.keys).copied());
        let shown: Vec<String> = near.iter().map(|near| written(near)).collect();
        let help = match shown[..] {
            [] => format!("known here: {}", quoted(KEYS.iter().copied())),
            _ => format!("did you mean {}?", quoted(shown.iter().map(String::as_str))),
        };
        let fix = match near[..] {
            [ours] if KEYS.contains(&ours) && is_slip(key, ours) => Some(rename(ours)),
            [ours] if KEYS.contains(&ours) => None,
            // Misspelt and misplaced: under `config:` it is told how it is spelt.
            [_] => Some(move_under_config()),
            _ => None,
        };
        Error::new(code::CONFIG_UNKNOWN_KEY, message)
            .with_help(help)
            .with_fix(fix)
    }
}

/// A setting of the plugin's beside `config:` instead of under it. Where there are keys of ours near to it, which of them
/// it is, only its author knows.
fn flat(plugin: &str, key: &str, near: &[&str]) -> Error {
    let moved = path::show(["plugins", plugin, "config", key]);
    let (help, fix) = match near {
        [] => (format!("move it to `{moved}`"), Some(move_under_config())),
        near => {
            let near = quoted(near.iter().copied());
            let help = format!("move it to `{moved}`; or did you mean {near}?");
            (help, None)
        }
    };
    let message = format!(
        "`{}`: the plugin's own settings go under `config:`",
        visible(key)
    );
    Error::new(code::CONFIG_UNKNOWN_KEY, message)
        .with_help(help)
        .with_fix(fix)
}

/// As it is written in the section of a plugin.
fn written(key: &str) -> String {
    match KEYS.contains(&key) {
        true => key.to_owned(),
        false => path::show(["config", key]),
    }
}

fn rename(to: &str) -> Fix {
    Fix::Rename { to: to.to_owned() }
}

fn move_under_config() -> Fix {
    Fix::MoveUnder {
        key: "config".to_owned(),
    }
}
