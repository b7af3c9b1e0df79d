//! What is owed to a transport: what it handed out is settled, and what it carries is carried to the end.

use super::transport::{EventDelivery, Settled};
use crate::call::catch;
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};
use tokio::sync::Notify;

/// How much a transport waits for, before it can be closed.
#[derive(Debug, Default)]
pub(super) struct Owed {
    count: AtomicUsize,
    fewer: Notify,
}

/// One thing that is owed, until it is dropped.
#[derive(Debug)]
pub(super) struct Owing(Arc<Owed>);

impl Owed {
    pub(super) fn begin(self: &Arc<Self>) -> Owing {
        self.count.fetch_add(1, Relaxed);
        Owing(Arc::clone(self))
    }

    /// Waits until nothing is owed.
    pub(super) async fn nothing(&self) {
        loop {
            let mut fewer = std::pin::pin!(self.fewer.notified());
            fewer.as_mut().enable();
            if self.count.load(Relaxed) == 0 {
                return;
            }
            fewer.await;
        }
    }
}

impl Drop for Owing {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Relaxed);
        self.0.fewer.notify_waiters();
    }
}

/// An event that was handed out. Unless it is said to be done before the last hold on this is dropped, it comes again.
pub(super) struct Receipt {
    delivery: Mutex<Option<EventDelivery>>,
    plugin: Arc<str>,
    _owing: Owing,
}

impl Receipt {
    pub(super) fn new(delivery: EventDelivery, plugin: &Arc<str>, owing: Owing) -> Self {
        Self {
            delivery: Mutex::new(Some(delivery)),
            plugin: Arc::clone(plugin),
            _owing: owing,
        }
    }

    pub(super) fn done(&self) {
        self.settle(Settled::Done);
    }

    fn settle(&self, settled: Settled) {
        let delivery = self.delivery.lock();
        let Some(delivery) = delivery.unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        if let Err(panic) = catch(|| delivery.settle(settled)) {
            tracing::error!(plugin = %self.plugin, panic = panic.text, place = panic.place, "panicked when an event was settled");
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.settle(Settled::Again);
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}
