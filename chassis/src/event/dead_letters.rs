//! What could not be delivered: kept for a while, so that somebody can look at it, mend the cause, and try again.

use super::record::{EventRecord, Shown};
use crate::{error::Error, text::unix_millis};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

/// An event that could not be delivered to a handler.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct DeadLetter {
    /// What it is called when it is tried again.
    pub id: String,
    /// The plugin that failed.
    pub plugin: Arc<str>,
    /// The handler that failed: what it wants, and where it is written.
    pub handler: Arc<str>,
    /// The code of the error.
    pub code: &'static str,
    /// The error.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up, in milliseconds since 1970.
    #[serde(serialize_with = "unix_millis")]
    #[schemars(with = "u64")]
    pub at: SystemTime,
    /// The event itself.
    #[serde(rename = "message")]
    #[schemars(with = "Shown<'static>")]
    pub(super) record: Arc<EventRecord>,
}

impl DeadLetter {
    /// Of a handler that has failed at it for good; it is given its id when it is kept.
    pub(super) fn new(
        plugin: &Arc<str>,
        handler: &Arc<str>,
        record: &Arc<EventRecord>,
        attempts: u32,
        error: &Error,
    ) -> Self {
        Self {
            id: String::new(),
            plugin: Arc::clone(plugin),
            handler: Arc::clone(handler),
            code: error.code().name(),
            error: error.report(),
            attempts,
            at: SystemTime::now(),
            record: Arc::clone(record),
        }
    }

    /// What it was published under.
    pub fn topic(&self) -> &str {
        self.record.topic()
    }
}

/// The newest of them; how many there may be is a setting.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    kept: Mutex<Kept>,
    pub(super) dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    /// By their number, which is their id.
    letters: BTreeMap<u64, DeadLetter>,
    most: usize,
    last: u64,
}

impl DeadLetters {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there may be.
    pub(super) fn limit(&self, most: usize) {
        let mut kept = self.lock();
        kept.most = most;
        let old = self.shorten(&mut kept);
        drop(kept);
        drop(old);
    }

    /// What there is too much of. To be dropped without the lock: what it ends with may be a plugin's own code.
    #[must_use]
    fn shorten(&self, kept: &mut Kept) -> Vec<DeadLetter> {
        let too_many = kept.letters.len().saturating_sub(kept.most);
        self.dropped.fetch_add(too_many as u64, Relaxed);
        let oldest = std::iter::from_fn(|| kept.letters.pop_first());
        oldest.take(too_many).map(|(_, letter)| letter).collect()
    }

    /// Keeps one; its id is given here.
    pub(super) fn keep(&self, letter: DeadLetter) {
        let mut kept = self.lock();
        kept.last += 1;
        let number = kept.last;
        let id = number.to_string();
        kept.letters.insert(number, DeadLetter { id, ..letter });
        let old = self.shorten(&mut kept);
        drop(kept);
        drop(old);
    }

    /// Puts back what was taken in vain, at its place.
    pub(super) fn put_back(&self, letter: DeadLetter) {
        let Ok(number) = letter.id.parse() else {
            return;
        };
        let mut kept = self.lock();
        kept.letters.insert(number, letter);
        let old = self.shorten(&mut kept);
        drop(kept);
        drop(old);
    }

    /// All of them, the newest first.
    pub(super) fn all(&self) -> Vec<DeadLetter> {
        self.lock().letters.values().rev().cloned().collect()
    }

    /// Takes one out: of two who want it, one gets it.
    pub(super) fn take(&self, id: &str) -> Option<DeadLetter> {
        self.lock().letters.remove(&id.parse().ok()?)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().letters.len()
    }
}
