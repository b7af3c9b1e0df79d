//! What a reload did, as it is told to whoever asked for it.

use super::retire::Retired;
use crate::{
    config::{Config, Settings},
    generation::Generation,
    instance::Record,
    lifecycle::{Built, PlannedChange, ReloadAction},
    status::PluginState,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::{ops::Deref, sync::Arc};

/// What a reload changes: what `POST /reload?dry_run=true` answers, and part of what any other does.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ReloadPlan {
    /// What happened, or would, in a sentence.
    pub message: String,
    /// The instances that go on as they are, with their connections, caches and tasks.
    pub carried: Vec<Arc<str>>,
    /// The instances that are built anew.
    pub rebuilt: Vec<Arc<str>>,
    /// Those instances that were not there before, or did not run.
    pub added: Vec<Arc<str>>,
    /// Those that ran, and do not run any more: they are not there, disabled, or blocked.
    pub removed: Vec<Arc<str>>,
    /// The instances whose own settings are others than before.
    pub changed: Vec<Arc<str>>,
    /// The settings of the chassis that are others than before: `server.request_timeout`.
    pub settings: Vec<String>,
    /// What becomes of each instance, and why.
    pub instances: Vec<PlannedChange>,
}

/// What a reload did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Reloaded {
    /// The generation that serves now.
    pub generation: u64,
    /// The one before it.
    pub previous: u64,
    /// What has changed; its fields are those of this one, too.
    #[serde(flatten)]
    pub plan: ReloadPlan,
    /// Whether a restart remembers what was changed by this: it is in `config.local.yaml`. Nothing if nothing was to be changed.
    pub persisted: Option<bool>,
    /// Those instances that are there, but do not run.
    pub not_running: Vec<Arc<str>>,
    /// Whether every request of earlier generations had ended before plugins were stopped; true if none had to be.
    pub drained: bool,
    /// How many streams that pass through plugins which stop were cut off, because they had outlived `reload.drain`.
    pub streams_cut: usize,
    /// What went wrong when the previous plugins were stopped.
    pub stop_errors: Vec<String>,
    /// How long it took until the new generation served, in milliseconds.
    pub swap_ms: f64,
    /// How long all of it took, in milliseconds.
    pub total_ms: f64,
}

impl Deref for Reloaded {
    type Target = ReloadPlan;

    fn deref(&self) -> &ReloadPlan {
        &self.plan
    }
}

impl ReloadPlan {
    /// What is other with a configuration than in a generation.
    pub(super) fn of(old: &Generation, new: &Config, changes: Vec<PlannedChange>) -> Self {
        let names = |action: ReloadAction| -> Vec<Arc<str>> {
            let changes = changes.iter();
            let changes = changes.filter(|change| change.action == action);
            changes.map(|change| Arc::clone(&change.plugin)).collect()
        };
        let is_other = |name: &str| {
            let (before, now) = (old.config.sections(), new.sections());
            !before.get(name).same_config(&now.get(name))
        };
        let changed = old.records.iter().map(|record| &record.name);
        let changed = changed.filter(|name| is_other(name)).cloned().collect();
        Self {
            message: "nothing was touched".to_owned(),
            carried: names(ReloadAction::Carried),
            rebuilt: names(ReloadAction::Rebuilt),
            added: names(ReloadAction::Added),
            removed: names(ReloadAction::Removed),
            changed,
            settings: changed_settings(old.config.settings(), new.settings()),
            instances: changes,
        }
    }
}

impl Reloaded {
    /// What a reload did that is not over yet.
    pub(super) fn of(old: &Generation, built: &Built) -> Self {
        let new = &built.generation;
        let is_down = |record: &&Arc<Record>| {
            let state = record.state();
            !state.is_alive() && state != PluginState::Disabled
        };
        let down = new.records.iter().filter(is_down);
        let mut changes = built.changes.clone();
        for change in &mut changes {
            correct(change, &new.records);
        }
        let plan = ReloadPlan::of(old, &new.config, changes);
        Self {
            generation: new.number,
            previous: old.number,
            plan: ReloadPlan {
                message: format!("generation {} serves", new.number),
                ..plan
            },
            persisted: None,
            not_running: down.map(|record| Arc::clone(&record.name)).collect(),
            drained: false,
            streams_cut: 0,
            stop_errors: Vec::new(),
            swap_ms: 0.0,
            total_ms: 0.0,
        }
    }

    /// Adds what came of those that had to stop.
    pub(super) fn take(&mut self, retired: Retired) {
        self.drained = retired.drained;
        self.streams_cut = retired.streams_cut;
        self.stop_errors = retired.stop_errors;
    }
}

/// What was planned for an instance, and came to nothing: it may have failed, as before, or what it requires has.
fn correct(change: &mut PlannedChange, records: &[Arc<Record>]) {
    let action = match change.action {
        ReloadAction::Added => ReloadAction::Idle,
        ReloadAction::Rebuilt => ReloadAction::Removed,
        _ => return,
    };
    let mut records = records.iter();
    let record = records.find(|record| record.name == change.plugin);
    let status = record.map(|record| record.status());
    if let Some(status) = status.filter(|status| !status.state.is_alive()) {
        change.action = action;
        change.why = status.reason.or(change.why.take());
    }
}

/// The paths of the settings of the chassis that differ.
fn changed_settings(old: &Settings, new: &Settings) -> Vec<String> {
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
    let mut changed = Vec::new();
    if let (Ok(old), Ok(new)) = (serde_json::to_value(old), serde_json::to_value(new)) {
        compare("", &old, &new, &mut changed);
    }
    changed
}
