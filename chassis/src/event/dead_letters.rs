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
        self.shorten(&mut kept);
    }

    fn shorten(&self, kept: &mut Kept) {
        while kept.letters.len() > kept.most {
            kept.letters.pop_front();
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    /// Keeps one; its id is given here.
    pub(super) fn keep(&self, dead: Dead) {
        let mut kept = self.lock();
        kept.last_id += 1;
        let id = kept.last_id;
        kept.letters.push_back(Dead { id, ..dead });
        self.shorten(&mut kept);
    }

    /// All of them, the newest first.
    pub(super) fn all(&self) -> Vec<Dead> {
        self.lock().letters.iter().rev().cloned().collect()
    }

    pub(super) fn get(&self, id: u64) -> Option<Dead> {
        let kept = self.lock();
        kept.letters.iter().find(|dead| dead.id == id).cloned()
    }

    pub(super) fn remove(&self, id: u64) {
        self.lock().letters.retain(|dead| dead.id != id);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().letters.len()
    }
}
