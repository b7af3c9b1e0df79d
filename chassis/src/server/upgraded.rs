//! A connection that speaks HTTP no more: who serves it is unknown, but it counts until its socket is closed.

use super::{Shared, activity::Activity};
use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
};
use tokio_util::{sync::WaitForCancellationFutureOwned, task::task_tracker::TaskTrackerToken};

/// An upgraded connection that is open: it is waited for, and counted if the patience was at its end before.
pub(super) struct Upgraded {
    shared: Arc<Shared>,
    peer: SocketAddr,
    _token: TaskTrackerToken,
}

impl Upgraded {
    pub(super) fn new(shared: Arc<Shared>, peer: SocketAddr) -> Self {
        let token = shared.upgraded.token();
        Self {
            shared,
            peer,
            _token: token,
        }
    }
}

impl std::fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upgraded")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

impl Drop for Upgraded {
    fn drop(&mut self) {
        if self.shared.cut.is_cancelled() {
            self.shared.cut_off.fetch_add(1, Relaxed);
            tracing::warn!(peer = %self.peer, "connection cut off: it took longer than `shutdown.grace`");
        }
    }
}

/// How the owner of an upgraded socket learns that the service stops: the stream ends, and later it breaks.
#[derive(Default)]
pub(super) struct Signals {
    has_ended: bool,
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    // One for each half: they may be polled by different tasks.
    cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Signals {
    /// Whether a read is at the end of the stream.
    pub(super) fn poll_ending(
        &mut self,
        shared: &Arc<Shared>,
        activity: &Arc<Activity>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if shared.cut.is_cancelled() {
            return Poll::Ready(Err(cut_off()));
        }
        if self.has_ended {
            return Poll::Ready(Ok(()));
        }
        let ending = self.ending.get_or_insert_with(|| {
            let (shared, activity) = (Arc::clone(shared), Arc::clone(activity));
            Box::pin(async move {
                // hyper takes the end of the stream for the end of the client, and would not hand it over.
                activity.handed_over().await;
                shared.draining.cancelled().await;
            })
        });
        ready!(ending.as_mut().poll(cx));
        self.has_ended = true;
        Poll::Ready(Ok(()))
    }

    /// The error of a write, once the patience is at its end.
    pub(super) fn poll_cut(
        &mut self,
        shared: &Shared,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let cut = self
            .cut
            .get_or_insert_with(|| Box::pin(shared.cut.clone().cancelled_owned()));
        cut.as_mut().poll(cx).map(|()| Err(cut_off()))
    }
}

fn cut_off() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "cut off: the service has stopped",
    )
}
