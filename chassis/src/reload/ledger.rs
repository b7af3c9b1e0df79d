//! The book of generations: which serves, which drain, which are gone.

use crate::instance::Record;
use serde::Serialize;
use std::{collections::VecDeque, sync::Arc, time::SystemTime};
use tokio_util::sync::CancellationToken;

/// A generation, as `GET /generations` shows it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GenerationReport {
    /// Its number; the first is 1.
    pub number: u64,
    /// What it does.
    pub state: GenerationState,
    /// When it was published, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    pub since: SystemTime,
    /// How many plugins run in it.
    pub plugins: usize,
}

/// What a generation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
    /// The generations that somebody may hold, and the signals that nobody does any more.
    held: Vec<(u64, CancellationToken)>,
    /// The instances that are shown: of the generation that serves, or that is being built first.
    pub(super) shown: Vec<Arc<Record>>,
}

/// How many generations that are gone are remembered.
const REMEMBERED: usize = 16;

impl Ledger {
    /// A generation serves; the one that did before drains.
    pub(super) fn publish(
        &mut self,
        number: u64,
        since: SystemTime,
        plugins: usize,
        until_gone: CancellationToken,
    ) {
        self.last_number = number;
        self.held.push((number, until_gone));
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

    /// The generations before one that are not marked as gone.
    pub(super) fn held_before(&self, number: u64) -> Vec<(u64, CancellationToken)> {
        let held = self.held.iter();
        let before = held.filter(|(other, _)| *other < number);
        before.cloned().collect()
    }

    pub(super) fn mark(&mut self, number: u64, state: GenerationState) {
        for entry in &mut self.entries {
            if entry.number == number {
                entry.state = state;
            }
        }
        if state == GenerationState::Gone {
            self.held.retain(|(other, _)| *other != number);
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
