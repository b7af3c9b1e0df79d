//! What could not be delivered: kept for a while, so that somebody can look at it, mend the cause, and try again.

use super::message::EventRecord;
use crate::error::Code;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

#[derive(Clone, Debug)]
pub(super) struct Dead {
    pub(super) id: u64,
    pub(super) plugin: Arc<str>,
    pub(super) handler: Arc<str>,
    pub(super) record: Arc<EventRecord>,
    pub(super) code: Code,
    pub(super) error: String,
    pub(super) attempts: u32,
    pub(super) at: SystemTime,
}

/// The newest of them; how many there may be is a setting.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    kept: Mutex<Kept>,
    pub(super) dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    letters: VecDeque<Dead>,
    most: usize,
    last_id: u64,
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
    fn shorten(&self, kept: &mut Kept) -> Vec<Dead> {
        let too_many = kept.letters.len().saturating_sub(kept.most);
        self.dropped.fetch_add(too_many as u64, Relaxed);
        kept.letters.drain(..too_many).collect()
    }

    /// Keeps one; its id is given here.
    pub(super) fn keep(&self, dead: Dead) {
        let mut kept = self.lock();
        kept.last_id += 1;
        let id = kept.last_id;
        kept.letters.push_back(Dead { id, ..dead });
        let old = self.shorten(&mut kept);
        drop(kept);
        drop(old);
    }

    /// Puts back what was taken in vain, at its place.
    pub(super) fn put_back(&self, dead: Dead) {
        let mut kept = self.lock();
        let place = kept.letters.partition_point(|other| other.id < dead.id);
        kept.letters.insert(place, dead);
        let old = self.shorten(&mut kept);
        drop(kept);
        drop(old);
    }

    /// All of them, the newest first.
    pub(super) fn all(&self) -> Vec<Dead> {
        self.lock().letters.iter().rev().cloned().collect()
    }

    /// Takes one out: of two who want it, one gets it.
    pub(super) fn take(&self, id: u64) -> Option<Dead> {
        let mut kept = self.lock();
        let place = kept.letters.iter().position(|dead| dead.id == id)?;
        kept.letters.remove(place)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().letters.len()
    }
}
