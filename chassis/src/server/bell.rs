//! A bell: so that what seldom happens is looked at only when it has happened.
//!
//! A task that waits for its socket and for five things besides would poll all six for each request. Behind a bell the
//! five are polled when one of them has rung.

use futures_util::task::AtomicWaker;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Acquire},
        },
    },
    task::{Context, Poll, Wake, Waker},
};

/// A future that is polled only if it was woken.
pub(super) struct Belled<F> {
    future: Pin<Box<F>>,
    bell: Arc<Bell>,
    ringing: Waker,
    /// The task that the bell wakes.
    task: Option<Waker>,
}

struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.swap(true, AcqRel);
        self.task.wake();
    }
}

impl<F: Future> Belled<F> {
    pub(super) fn new(future: F) -> Self {
        let bell = Arc::new(Bell {
            // It has to be polled once to begin.
            has_rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            future: Box::pin(future),
            ringing: Waker::from(Arc::clone(&bell)),
            bell,
            task: None,
        }
    }

    /// Polls the future if it was woken since it was polled last.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<F::Output> {
        let task = cx.waker();
        let is_known = self
            .task
            .as_ref()
            .is_some_and(|known| known.will_wake(task));
        if !is_known {
            self.task = Some(task.clone());
            self.bell.task.register(task);
        }
        // Registered before the look: who rings in between wakes the task.
        if !self.bell.has_rung.load(Acquire) {
            return Poll::Pending;
        }
        // Who rang has used up the registration. A new one comes first: who rings from now on wakes the task, and what
        // the ringing before was about is seen below.
        self.bell.task.register(task);
        self.bell.has_rung.swap(false, AcqRel);
        let mut cx = Context::from_waker(&self.ringing);
        self.future.as_mut().poll(&mut cx)
    }
}
