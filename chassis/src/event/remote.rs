//! Whether events travel, and by which line.

use super::{
    line::{Line, Member},
    queue::Queue,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::watch;

/// What the bus knows of other services.
pub(super) struct Remote {
    /// Whether what plugins publish is sent, rather than queued for those who are here.
    is_on: AtomicBool,
    /// What is to be sent; it outlives generations, as queues do.
    pub(super) outbox: OnceLock<Arc<Queue>>,
    line: watch::Sender<Option<Arc<Line>>>,
    /// Lines that were replaced, and have to be ended.
    replaced: Mutex<Vec<Arc<Line>>>,
    /// How many events have come.
    pub(super) received: Arc<AtomicU64>,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            is_on: AtomicBool::new(false),
            outbox: OnceLock::new(),
            line: watch::Sender::new(None),
            replaced: Mutex::default(),
            received: Arc::default(),
        }
    }
}

impl Remote {
    /// Where to put what plugins publish, if it is to be sent.
    #[inline]
    pub(super) fn outbox(&self) -> Option<&Arc<Queue>> {
        self.outbox.get().filter(|_| self.is_on.load(Relaxed))
    }

    /// Whether it is sent from now on; until there is a line, it waits.
    pub(super) fn turn(&self, on: bool) {
        self.is_on.store(on, Relaxed);
    }

    /// The line to send by, as soon as there is one; none if there is none any more.
    pub(super) async fn line(&self) -> Option<Arc<Line>> {
        let mut lines = self.line.subscribe();
        let is_known = |line: &Option<Arc<Line>>| line.is_some() || !self.is_on.load(Relaxed);
        // The other end is here.
        let line = lines.wait_for(is_known).await.ok()?;
        line.clone()
    }

    /// The line that serves.
    pub(super) fn now(&self) -> Option<Arc<Line>> {
        self.line.borrow().clone()
    }

    /// From now on this line serves, or none; those who took part in the one before it.
    pub(super) fn replace(&self, line: Option<Arc<Line>>) -> BTreeMap<Arc<str>, Member> {
        let Some(before) = self.line.send_replace(line) else {
            return BTreeMap::new();
        };
        let members = before.members();
        self.replaced_lines().push(before);
        members
    }

    /// The lines that have to be ended.
    pub(super) fn take_replaced(&self) -> Vec<Arc<Line>> {
        std::mem::take(&mut *self.replaced_lines())
    }

    fn replaced_lines(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Line>>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
