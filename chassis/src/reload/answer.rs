//! What a reload did, as it is told to whoever asked for it.

use crate::{generation::Generation, status::PluginState};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// What a reload did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Reloaded {
    /// What happened, in a sentence.
    pub message: String,
    /// The generation that serves now.
    pub generation: u64,
    /// The one before it.
    pub previous: u64,
    /// The instances that were built anew.
    pub rebuilt: Vec<Arc<str>>,
    /// Those of them whose own settings are others than before.
    pub changed: Vec<Arc<str>>,
    /// The settings of the chassis that are others than before: `server.request_timeout`.
    pub settings: Vec<String>,
    /// Those instances that were not there before.
    pub added: Vec<Arc<str>>,
    /// Those that are not there any more.
    pub removed: Vec<Arc<str>>,
    /// Those that are there, but do not run.
    pub not_running: Vec<Arc<str>>,
    /// Whether every request of the previous generation had ended before its plugins were stopped.
    pub drained: bool,
    /// What went wrong when the previous plugins were stopped.
    pub stop_errors: Vec<String>,
    /// How long it took until the new generation served, in milliseconds.
    pub swap_ms: f64,
    /// How long all of it took, in milliseconds.
    pub total_ms: f64,
}

/// What is other in a generation than in the one before it.
pub(super) fn compare(old: &Generation, new: &Generation) -> Reloaded {
    let names = |generation: &Generation, skip: &dyn Fn(&Arc<str>) -> bool| -> Vec<Arc<str>> {
        let all = generation
            .records
            .iter()
            .map(|record| Arc::clone(&record.name));
        all.filter(|name| !skip(name)).collect()
    };
    let has = |generation: &Generation, name: &Arc<str>| {
        generation.records.iter().any(|record| record.name == *name)
    };
    let same = |name: &str| {
        let (old, new) = (old.config.sections(), new.config.sections());
        old.get(name).same_config(&new.get(name))
    };
    let not_running = new.records.iter().filter(|record| {
        !matches!(
            record.state(),
            PluginState::Running | PluginState::Degraded | PluginState::Disabled
        )
    });
    Reloaded {
        message: format!("generation {} serves", new.number),
        generation: new.number,
        previous: old.number,
        rebuilt: new
            .instances
            .iter()
            .map(|instance| Arc::clone(instance.name()))
            .collect(),
        changed: names(new, &|name| !has(old, name) || same(name)),
        settings: changed_settings(old, new),
        added: names(new, &|name| has(old, name)),
        removed: names(old, &|name| has(new, name)),
        not_running: not_running.map(|record| Arc::clone(&record.name)).collect(),
        drained: false,
        stop_errors: Vec::new(),
        swap_ms: 0.0,
        total_ms: 0.0,
    }
}

/// The paths of the settings of the chassis that differ.
fn changed_settings(old: &Generation, new: &Generation) -> Vec<String> {
    fn compare(path: &str, old: &Value, new: &Value, changed: &mut Vec<String>) {
        match (old.as_object(), new.as_object()) {
            (Some(old), Some(new)) => {
                for (key, new) in new {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    compare(&path, old.get(key).unwrap_or(&Value::Null), new, changed);
                }
            }
            _ if old != new => changed.push(path.to_owned()),
            _ => {}
        }
    }
    // Their serialised form has every key, also those that nobody has set.
    let value = |generation: &Generation| serde_json::to_value(generation.config.settings());
    let mut changed = Vec::new();
    if let (Ok(old), Ok(new)) = (value(old), value(new)) {
        compare("", &old, &new, &mut changed);
    }
    changed
}
