//! What came of the calls of handlers, by plugin and point. A reload builds every instance anew, and its figures with it;
//! here they are added up, so that they never go backwards.

use crate::call::{Outcomes, Stats};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What came of all calls.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<ByPlace>);

/// By plugin and point.
type ByPlace = BTreeMap<(Arc<str>, Arc<str>), Figures>;

#[derive(Debug, Default)]
struct Figures {
    /// Those of handlers that nobody can call any more.
    past: Outcomes,
    live: Vec<Arc<Stats>>,
    /// What was told last.
    told: Outcomes,
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, ByPlace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handler of a plugin that is built.
    pub(crate) fn add(&self, plugin: &Arc<str>, point: &Arc<str>, stats: &Arc<Stats>) {
        let mut all = self.lock();
        let key = (Arc::clone(plugin), Arc::clone(point));
        let figures = all.entry(key).or_default();
        figures.sweep();
        figures.live.push(Arc::clone(stats));
    }

    /// The last instance of a plugin is at its end.
    pub(super) fn forget(&self, plugin: &str) {
        self.lock().retain(|(owner, _), _| **owner != *plugin);
    }

    /// Plugin, point, and what came of the calls.
    pub(crate) fn read(&self) -> Vec<(Arc<str>, Arc<str>, Outcomes)> {
        let mut all = self.lock();
        let read = all.iter_mut().map(|((plugin, point), figures)| {
            (Arc::clone(plugin), Arc::clone(point), figures.read())
        });
        read.collect()
    }
}

impl Figures {
    fn sweep(&mut self) {
        let past = &mut self.past;
        self.live.retain(|stats| {
            // Nobody else has it: it does not change any more.
            let is_past = Arc::strong_count(stats) == 1;
            if is_past {
                past.add(&stats.outcomes());
            }
            !is_past
        });
    }

    fn read(&mut self) -> Outcomes {
        self.sweep();
        let mut now = self.past.clone();
        for stats in &self.live {
            now.add(&stats.outcomes());
        }
        // A handler that does not await is counted before it has failed. What was told of it is not taken back.
        now.ok = now.ok.max(self.told.ok);
        self.told = now.clone();
        now
    }
}
