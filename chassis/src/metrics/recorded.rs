//! What plugins and libraries have recorded, and what was refused.

use super::{
    book::Book,
    family::{Cell, Family, Wanted},
    name::Labels,
    refused::{Reason, Refused},
    sample::MetricSample,
    table::Kind,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

#[derive(Debug, Default)]
pub(crate) struct Recorded {
    book: Mutex<Book>,
    /// What is too much, and what is named like something else.
    over_limit: AtomicU64,
    conflicts: AtomicU64,
    /// How often something has gone: what was refused before may be free since.
    freed: AtomicU64,
}

impl Recorded {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An instance lives from now on; its number.
    pub(super) fn begin(&self, plugin: &Arc<str>) -> u64 {
        self.lock().begin(plugin)
    }

    /// An instance is at its end, and so is what only it had; whether another one of its name lives.
    pub(super) fn end(&self, plugin: &str, id: u64) -> bool {
        let mut refused = Vec::new();
        let lives = self.lock().end(plugin, id, &mut refused);
        self.freed.fetch_add(1, Relaxed);
        for refused in &refused {
            self.refuse(refused);
        }
        lives
    }

    /// Says what a metric is that is recorded under this name.
    pub(super) fn describe(&self, kind: Kind, name: &str, unit: Option<&str>, help: &str) {
        self.lock().describe(kind, name, unit, help);
    }

    /// The place of a series, made if it is the first time; why not if it can't be recorded, which is counted and told.
    pub(super) fn cell(&self, wanted: Wanted<'_>, seconds: &Arc<[f64]>) -> Result<Cell, Reason> {
        // What is told is told without the lock: whoever writes the log may record something itself.
        let cell = self.lock().cell(&wanted, seconds);
        cell.map_err(|refused| self.refuse(&refused))
    }

    /// Has an instance go on with the series of a name; the labels of those that there are.
    pub(super) fn inherit(
        &self,
        wanted: &Wanted<'_>,
        free: &[String],
        seconds: &Arc<[f64]>,
    ) -> Vec<Labels> {
        self.lock().inherit(wanted, free, seconds)
    }

    fn refuse(&self, refused: &Refused) -> Reason {
        refused.tell();
        self.count(refused.reason);
        refused.reason
    }

    /// Counts something that was refused.
    pub(super) fn count(&self, reason: Reason) {
        match reason {
            Reason::Gone => {}
            Reason::Limit => _ = self.over_limit.fetch_add(1, Relaxed),
            Reason::Conflict => _ = self.conflicts.fetch_add(1, Relaxed),
        }
    }

    /// How often something has gone.
    pub(super) fn freed(&self) -> u64 {
        self.freed.load(Relaxed)
    }

    /// Puts what plugins have collected in place of what was collected before, so that no reader sees neither. What was
    /// collected of others goes: nobody says it any more.
    pub(crate) fn collected(&self, all: &BTreeMap<Arc<str>, Vec<MetricSample>>) {
        let mut refused = Vec::new();
        self.lock().collected(all, &mut refused);
        self.freed.fetch_add(1, Relaxed);
        for refused in &refused {
            self.refuse(refused);
        }
    }

    /// All that is there, to be looked at.
    pub(crate) fn families(&self) -> BTreeMap<String, Family> {
        self.lock().families().clone()
    }

    /// What is there of plugins, or of one.
    pub(crate) fn of_plugins(&self, one: Option<&str>) -> BTreeMap<String, Family> {
        self.lock().of_plugins(one)
    }

    /// How much was not recorded, and why.
    pub(crate) fn dropped(&self) -> [(&'static str, u64); 2] {
        [
            ("limit", self.over_limit.load(Relaxed)),
            ("conflict", self.conflicts.load(Relaxed)),
        ]
    }
}
