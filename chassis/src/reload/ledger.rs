//! The book of generations: which serves, which drain, which are gone.

use crate::instance::Record;
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::VecDeque, sync::Arc, time::SystemTime};
use tokio::sync::oneshot;

/// A generation, as `GET /generations` shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct GenerationReport {
    /// Its number; the first is 1.
    pub number: u64,
    /// What it does.
    pub state: GenerationState,
    /// When it was published, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    pub since: SystemTime,
    /// How many plugins run in it.
    pub plugins: usize,
}

/// What a generation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GenerationState {
    /// Requests enter it.
    Serving,
    /// Requests that entered it before are under way.
    Draining,
    /// Its plugins were stopped, because the drain deadline had passed; somebody still holds it.
    Overdue,
    /// Nobody holds it any more, and its plugins have stopped.
    Gone,
}

#[derive(Default)]
pub(super) struct Ledger {
    pub(super) last_number: u64,
    pub(super) entries: VecDeque<GenerationReport>,
    /// The generation that serves, and the signal that nobody holds it any more.
    pub(super) until_gone: Option<oneshot::Receiver<()>>,
    /// The instances that are shown: of the generation that serves, or that is being built first.
    pub(super) shown: Vec<Arc<Record>>,
}

/// How many generations that are gone are remembered.
const REMEMBERED: usize = 16;

impl Ledger {
    /// A generation serves; the one that did before drains.
    pub(super) fn publish(&mut self, number: u64, since: SystemTime, plugins: usize) {
        self.last_number = number;
        for entry in &mut self.entries {
            if entry.state == GenerationState::Serving {
                entry.state = GenerationState::Draining;
            }
        }
        let state = GenerationState::Serving;
        self.entries.push_back(GenerationReport {
            number,
            state,
            since,
            plugins,
        });
    }

    pub(super) fn mark(&mut self, number: u64, state: GenerationState) {
        for entry in &mut self.entries {
            if entry.number == number {
                entry.state = state;
            }
        }
        let gone = |entry: &GenerationReport| entry.state == GenerationState::Gone;
        while self.entries.iter().filter(|entry| gone(entry)).count() > REMEMBERED {
            let Some(oldest) = self.entries.iter().position(gone) else {
                break;
            };
            self.entries.remove(oldest);
        }
    }
}
