//! A configuration as operators see it: every value with its origin, and no secret.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::PathBuf,
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    Config, PLUGINS, manual,
    path::{self, Step},
    schema,
    tree::{Node, Origin, Tree},
};
use crate::{secret::REDACTED, text::mask_credentials};

/// The configuration that a service uses: what `GET /config` answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ConfigReport {
    /// The file, if there was one to read.
    pub file: Option<PathBuf>,
    /// The profile, if there is one.
    pub profile: Option<String>,
    /// The file to which `persist` writes what operators change; none if there is no file of the service that it could stand
    /// beside.
    pub local_file: Option<PathBuf>,
    /// The values by their path, `server.listen`; those of plugins too that nobody has set.
    pub values: BTreeMap<String, ConfigValue>,
}

/// A value, and where it comes from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ConfigValue {
    /// The value; `***` in place of a secret.
    pub value: Value,
    /// Where it comes from: `config.yaml:12:7`, `environment CHASSIS__SERVER__LISTEN`, `default`.
    pub origin: String,
    /// Whether it is other than by default.
    pub changed: bool,
    #[serde(skip)]
    steps: Vec<Step>,
}

impl Config {
    /// What it says, without the secrets. The schemas, by instance, say which those are, and what nobody has set.
    pub(crate) fn report(&self, schemas: &[(Arc<str>, Value)]) -> ConfigReport {
        let mut tree = self.tree.clone();
        let mut defaults = self.layers.defaults.clone();
        let mut secrets = BTreeSet::new();
        for (name, schema) in schemas {
            let base = [PLUGINS.to_owned(), name.to_string(), "config".to_owned()];
            let mut of_plugin = Tree::from_json(by_default(schema), &Origin::Default);
            defaults.set(&base, of_plugin.clone());
            if let Some(said) = tree.lookup(&base) {
                of_plugin.merge(said.clone());
            }
            schema::secrets(&of_plugin, schema, &mut |steps, _| {
                let base = base.iter().map(Step::from);
                secrets.insert(path::show(base.chain(steps.iter().cloned())));
            });
            tree.set(&base, of_plugin);
            let enabled = [PLUGINS.to_owned(), name.to_string(), "enabled".to_owned()];
            let takes_part = Tree::from_json(true.into(), &Origin::Default);
            if tree.lookup(&enabled).is_none() {
                tree.set(&enabled, takes_part.clone());
            }
            defaults.set(&enabled, takes_part);
        }
        let mut values = BTreeMap::new();
        tree.walk(&mut Vec::new(), &mut |steps, leaf| {
            let path = path::show(steps.iter().cloned());
            let keys: Vec<String> = steps
                .iter()
                .map(|step| match step {
                    Step::Key(key) => key.clone(),
                    Step::Item(index) => index.to_string(),
                })
                .collect();
            let changed = !defaults
                .lookup(&keys)
                .is_some_and(|default| default.same(leaf));
            let value = ConfigValue {
                value: redacted(leaf, &mut steps.to_vec(), &secrets),
                origin: leaf.origin.to_string(),
                changed,
                steps: steps.to_vec(),
            };
            values.insert(path, value);
        });
        ConfigReport {
            file: self.file().map(Into::into),
            profile: self.profile().map(ToOwned::to_owned),
            local_file: self.local_file().map(Into::into),
            values,
        }
    }
}

/// What a plugin is configured with if nobody says anything.
fn by_default(schema: &Value) -> Value {
    let properties = schema["properties"].as_object();
    let said = schema["default"].as_object();
    let mut values: serde_json::Map<String, Value> = said.cloned().unwrap_or_default();
    for (key, property) in properties.into_iter().flatten() {
        if let (false, Some(default)) = (values.contains_key(key), property.get("default")) {
            values.insert(key.clone(), default.clone());
        }
    }
    values.retain(|_, value| !value.is_null());
    Value::Object(values)
}

fn redacted(tree: &Tree, path: &mut Vec<Step>, secrets: &BTreeSet<String>) -> Value {
    if tree.origin.is_secret() || secrets.contains(&path::show(path.iter().cloned())) {
        return REDACTED.into();
    }
    let mut inside = |step: Step, tree: &Tree| {
        path.push(step);
        let value = redacted(tree, path, secrets);
        path.pop();
        value
    };
    match &tree.node {
        Node::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| inside(index.into(), item))
            .collect(),
        Node::Map(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), inside(key.into(), value)))
            .collect(),
        Node::String(text) => mask_credentials(text).into(),
        _ => tree.to_json(),
    }
}

impl Tree {
    /// Visits what is no map; a map that may be a text counts as one.
    fn walk<'t>(&'t self, path: &mut Vec<Step>, visit: &mut dyn FnMut(&[Step], &'t Self)) {
        match self.as_map().filter(|_| self.text.is_none()) {
            Some(entries) => {
                for (key, value) in entries {
                    path.push(key.into());
                    value.walk(path, visit);
                    path.pop();
                }
            }
            None => visit(path, self),
        }
    }
}

impl ConfigReport {
    /// As YAML, with the origin of each value behind it.
    pub(crate) fn yaml(&self) -> String {
        let mut text = String::new();
        let mut above: Vec<Step> = Vec::new();
        for value in self.values.values() {
            let (Some(last), way) = (
                value.steps.last(),
                &value.steps[..value.steps.len().saturating_sub(1)],
            ) else {
                continue;
            };
            let shared = way.iter().zip(&above).take_while(|(a, b)| a == b).count();
            for (depth, step) in way.iter().enumerate().skip(shared) {
                _ = writeln!(text, "{}{}:", "  ".repeat(depth), key(step));
            }
            above = way.to_vec();
            let line = format!("{}{}: {}", "  ".repeat(way.len()), key(last), value.value);
            _ = writeln!(text, "{line:<39} # {}", value.origin);
        }
        text
    }

    /// A line for each value that is other than by default.
    pub(crate) fn changes(&self) -> String {
        let mut text = String::new();
        for (path, value) in self.values.iter().filter(|(_, value)| value.changed) {
            let line = format!("{path}: {}", value.value);
            _ = writeln!(text, "{line:<39} # {}", value.origin);
        }
        match text.is_empty() {
            true => "nothing is other than by default\n".to_owned(),
            false => text,
        }
    }
}

fn key(step: &Step) -> String {
    match step {
        Step::Key(key) => manual::plain(key),
        Step::Item(index) => index.to_string(),
    }
}
