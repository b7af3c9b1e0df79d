//! What waits for one plugin: bounded, in order, and the same over a reload.

use super::{receipt::Receipt, record::EventRecord};
use crate::config::WhenFull;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::Notify;

/// An event that waits.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) record: Arc<EventRecord>,
    /// The handler that it is meant for alone: one that has failed before.
    pub(super) only: Option<Arc<str>>,
    /// Of what a transport has brought.
    pub(super) receipt: Option<Arc<Receipt>>,
}

impl Entry {
    /// Something that was published here, for all handlers that want it.
    pub(super) fn new(record: Arc<EventRecord>) -> Self {
        Self {
            record,
            only: None,
            receipt: None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) plugin: Arc<str>,
    inner: Mutex<Inner>,
    filled: Notify,
    /// Something was taken out, or its delivery has ended.
    emptier: Notify,
    pub(super) figures: Figures,
}

#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) rejected: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    entries: VecDeque<Entry>,
    capacity: usize,
    when_full: WhenFull,
    is_closed: bool,
    /// How many are being delivered.
    busy: usize,
    /// It was said that events are lost; said again only after the queue was empty.
    was_told: bool,
}

/// What became of an event that was to be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Queued,
    /// It, or an older one, was dropped.
    Dropped,
    Rejected,
    Closed,
}

impl Queue {
    pub(super) fn new(plugin: Arc<str>, capacity: usize, when_full: WhenFull) -> Self {
        Self {
            plugin,
            inner: Mutex::new(Inner {
                entries: VecDeque::new(),
                capacity,
                when_full,
                is_closed: false,
                busy: 0,
                was_told: false,
            }),
            filled: Notify::new(),
            emptier: Notify::new(),
            figures: Figures::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes on other terms; what waits stays, even if it is more than there may be now.
    pub(super) fn set(&self, capacity: usize, when_full: WhenFull) {
        let mut inner = self.lock();
        (inner.capacity, inner.when_full) = (capacity, when_full);
        drop(inner);
        self.emptier.notify_waiters();
    }

    pub(super) fn push(&self, entry: Entry) -> Pushed {
        let mut inner = self.lock();
        if let Some(pushed) = self.push_if_room(&mut inner, &entry) {
            return pushed;
        }
        let when_full = inner.when_full;
        let is_new = !std::mem::replace(&mut inner.was_told, true);
        let mut lost = Some(entry);
        if when_full == WhenFull::DropOldest {
            inner.entries.extend(lost.take());
            lost = inner.entries.pop_front();
        }
        drop(inner);
        // Without the lock: what it ends with may be a plugin's own code.
        drop(lost);
        let (count, what) = match when_full {
            WhenFull::Reject => (&self.figures.rejected, "refused"),
            _ => (&self.figures.dropped, "lost"),
        };
        count.fetch_add(1, Relaxed);
        if is_new {
            tracing::warn!(
                plugin = %self.plugin,
                "its queue of events is full: events are {what} until it has caught up"
            );
        }
        match when_full {
            WhenFull::Reject => Pushed::Rejected,
            _ => Pushed::Dropped,
        }
    }

    /// Queues an entry if nothing has to make room for it.
    pub(super) fn push_beside(&self, entry: &Entry) -> Pushed {
        let pushed = self.push_if_room(&mut self.lock(), entry);
        pushed.unwrap_or(Pushed::Rejected)
    }

    fn push_if_room(&self, inner: &mut Inner, entry: &Entry) -> Option<Pushed> {
        if inner.is_closed {
            return Some(Pushed::Closed);
        }
        if inner.entries.len() >= inner.capacity {
            return None;
        }
        inner.entries.push_back(entry.clone());
        self.filled.notify_one();
        Some(Pushed::Queued)
    }

    /// Queues an entry as soon as there is room.
    pub(super) async fn push_wait(&self, entry: Entry) -> Pushed {
        loop {
            let mut emptier = std::pin::pin!(self.emptier.notified());
            emptier.as_mut().enable();
            if let Some(pushed) = self.push_if_room(&mut self.lock(), &entry) {
                return pushed;
            }
            emptier.await;
        }
    }

    /// The next one, once there is one; nothing when the queue is closed. Until [`done`](Self::done) it counts as waiting.
    pub(super) async fn next(&self) -> Option<Entry> {
        loop {
            let filled = self.filled.notified();
            {
                let mut inner = self.lock();
                if let Some(entry) = inner.entries.pop_front() {
                    inner.busy += 1;
                    inner.was_told &= !inner.entries.is_empty();
                    drop(inner);
                    self.emptier.notify_waiters();
                    return Some(entry);
                }
                if inner.is_closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// What was taken is delivered.
    pub(super) fn done(&self) {
        self.end_one(None);
    }

    /// What was taken is the next one again; if the queue is closed, it is lost.
    pub(super) fn put_back(&self, entry: Entry) {
        self.end_one(Some(entry));
    }

    fn end_one(&self, back: Option<Entry>) {
        let mut inner = self.lock();
        inner.busy = inner.busy.saturating_sub(1);
        let lost = match back {
            Some(entry) if !inner.is_closed => {
                inner.entries.push_front(entry);
                None
            }
            back => back,
        };
        drop(inner);
        if lost.is_some() {
            self.figures.dropped.fetch_add(1, Relaxed);
        }
        self.filled.notify_one();
        self.emptier.notify_waiters();
    }

    /// Waits until nothing waits.
    pub(super) async fn idle(&self) {
        loop {
            let mut emptier = std::pin::pin!(self.emptier.notified());
            emptier.as_mut().enable();
            if self.waiting() == 0 {
                return;
            }
            emptier.await;
        }
    }

    /// How many wait, with the one that is being delivered.
    pub(super) fn waiting(&self) -> usize {
        let inner = self.lock();
        inner.entries.len() + inner.busy
    }

    pub(super) fn terms(&self) -> (usize, WhenFull) {
        let inner = self.lock();
        (inner.capacity, inner.when_full)
    }

    /// Takes no more; what waits is lost, and counted.
    pub(super) fn close(&self) -> usize {
        let mut inner = self.lock();
        inner.is_closed = true;
        let entries = std::mem::take(&mut inner.entries);
        drop(inner);
        let lost = entries.len();
        drop(entries);
        self.figures.dropped.fetch_add(lost as u64, Relaxed);
        self.filled.notify_one();
        self.emptier.notify_waiters();
        lost
    }
}
