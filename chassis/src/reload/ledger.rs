//! The book of generations: which serves, which drain, which are gone.

use crate::{
    generation::{Stream, StreamKind},
    instance::Record,
    metrics::RouteMeter,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::SystemTime,
};
use tokio_util::sync::CancellationToken;

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
    /// Since when it does not serve any more, in milliseconds since 1970; whoever is in it has been there for longer.
    #[serde(serialize_with = "opt_unix_millis")]
    #[schemars(with = "Option<u64>")]
    pub until: Option<SystemTime>,
    /// How many requests are in it, by route.
    pub requests: BTreeMap<Arc<str>, i64>,
    /// The streams that began in it and are open. They hold plugins, and not the generation.
    pub streams: Vec<StreamReport>,
}

/// An answer without an end in sight, as `GET /generations` shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct StreamReport {
    /// What sort of stream it is.
    pub kind: StreamKind,
    /// The route; none of a mounted router.
    pub route: Option<String>,
    /// The plugin that the route belongs to.
    pub plugin: Option<Arc<str>>,
    /// Since when, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    pub since: SystemTime,
    /// Whether it was told to end, because a plugin that it passes through is about to stop.
    pub leaving: bool,
}

impl StreamReport {
    fn of(stream: &Stream) -> Self {
        let route = stream.route.as_ref();
        Self {
            kind: stream.kind,
            route: route.map(|route| format!("{} {}", route.method, route.path)),
            plugin: route.map(|route| Arc::clone(&route.owner)),
            since: stream.since,
            leaving: stream.leave.is_cancelled(),
        }
    }
}

#[expect(clippy::ref_option, reason = "serde wants it so")]
fn opt_unix_millis<S: Serializer>(
    time: &Option<SystemTime>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    match time {
        Some(time) => crate::text::unix_millis(time, to),
        None => to.serialize_none(),
    }
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
    /// The generations that somebody may hold, and the signals that nobody does any more.
    held: Vec<Held>,
    /// The instances that are shown: of the generation that serves, or that is being built first.
    pub(super) shown: Vec<Arc<Record>>,
}

/// A generation that somebody may hold.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) number: u64,
    /// Where its requests are counted.
    pub(super) meters: Vec<Arc<RouteMeter>>,
    /// Cancelled when nobody holds it any more.
    pub(super) gone: CancellationToken,
}

impl Held {
    fn requests(&self) -> BTreeMap<Arc<str>, i64> {
        let mut requests = BTreeMap::new();
        for meter in &self.meters {
            let active = meter.active();
            if active > 0 {
                *requests.entry(Arc::clone(meter.route())).or_default() += active;
            }
        }
        requests
    }
}

/// How many generations are remembered that are gone, and in which no open stream has begun.
const REMEMBERED: usize = 16;

impl Ledger {
    /// A generation serves; the one that did before drains.
    pub(super) fn publish(&mut self, since: SystemTime, plugins: usize, held: Held) {
        self.last_number = held.number;
        for entry in &mut self.entries {
            if entry.state == GenerationState::Serving {
                entry.state = GenerationState::Draining;
                entry.until = Some(since);
            }
        }
        self.entries.push_back(GenerationReport {
            number: held.number,
            state: GenerationState::Serving,
            since,
            plugins,
            until: None,
            requests: BTreeMap::new(),
            streams: Vec::new(),
        });
        self.held.push(held);
    }

    /// The generations, the newest first, with what is in them.
    pub(super) fn report(&self, streams: &[Arc<Stream>]) -> Vec<GenerationReport> {
        let report = |entry: &GenerationReport| {
            let mut held = self.held.iter();
            let held = held.find(|held| held.number == entry.number);
            let streams = streams.iter();
            let streams = streams.filter(|stream| stream.generation == entry.number);
            GenerationReport {
                requests: held.map(Held::requests).unwrap_or_default(),
                streams: streams.map(|stream| StreamReport::of(stream)).collect(),
                ..entry.clone()
            }
        };
        self.entries.iter().rev().map(report).collect()
    }

    /// The generations before one that are not marked as gone.
    pub(super) fn held_before(&self, number: u64) -> Vec<Held> {
        let held = self.held.iter();
        held.filter(|held| held.number < number).cloned().collect()
    }

    /// `open` are the generations in which streams have begun that are open still: these are not forgotten.
    pub(super) fn mark(&mut self, number: u64, state: GenerationState, open: &BTreeSet<u64>) {
        for entry in &mut self.entries {
            if entry.number == number {
                entry.state = state;
            }
        }
        if state == GenerationState::Gone {
            self.held.retain(|held| held.number != number);
        }
        let is_over = |entry: &GenerationReport| {
            entry.state == GenerationState::Gone && !open.contains(&entry.number)
        };
        let over = self.entries.iter().filter(|entry| is_over(entry)).count();
        let mut forgotten = over.saturating_sub(REMEMBERED);
        // The oldest first.
        self.entries.retain(|entry| {
            let stays = forgotten == 0 || !is_over(entry);
            forgotten -= usize::from(!stays);
            stays
        });
    }
}
