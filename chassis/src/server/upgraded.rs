//! A connection that speaks HTTP no more: who serves it is unknown, but it counts until its socket is closed.

use super::{
    Shared,
    activity::Activity,
    websocket::{Frames, GOING_AWAY, SERVICE_RESTART},
};
use crate::generation::Stream;
use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
};
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};

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
    cut: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// The stream that the connection has become.
    stream: Option<Arc<Stream>>,
    /// What is written, if it is a WebSocket.
    pub(super) frames: Frames,
    has_said_goodbye: bool,
}

impl Signals {
    /// Whether a read is at the end of the stream.
    pub(super) fn poll_ending(
        &mut self,
        shared: &Arc<Shared>,
        activity: &Arc<Activity>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.stream(activity);
        if shared.cut.is_cancelled() || stream.is_some_and(|stream| stream.cut.is_cancelled()) {
            return Poll::Ready(Err(cut_off()));
        }
        if self.has_ended {
            return Poll::Ready(Ok(()));
        }
        let ending = self.ending.get_or_insert_with(|| {
            let (shared, activity) = (Arc::clone(shared), Arc::clone(activity));
            let stream = self.stream.clone();
            Box::pin(async move {
                // hyper takes the end of the stream for the end of the client, and would not hand it over.
                activity.handed_over().await;
                // That its address is left is nothing to it.
                either(&shared.ending, stream.as_ref().map(|stream| &stream.leave)).await;
            })
        });
        ready!(ending.as_mut().poll(cx));
        self.has_ended = true;
        Poll::Ready(Ok(()))
    }

    /// The farewell of a WebSocket whose stream has ended, unless it is in the midst of a frame, or has said it.
    pub(super) fn goodbye(&mut self) -> Option<[u8; 4]> {
        if self.has_said_goodbye || !self.frames.is_between() {
            return None;
        }
        self.has_said_goodbye = true;
        let is_left = |stream: &Arc<Stream>| stream.leave.is_cancelled();
        Some(match self.stream.as_ref().is_some_and(is_left) {
            true => SERVICE_RESTART,
            false => GOING_AWAY,
        })
    }

    /// Whether a plugin that the stream passes through is about to stop.
    pub(super) fn is_leaving(&self) -> bool {
        let stream = self.stream.as_ref();
        stream.is_some_and(|stream| stream.leave.is_cancelled())
    }

    /// Nothing may follow.
    pub(super) fn has_said_goodbye(&self) -> bool {
        self.has_said_goodbye
    }

    /// The error of a write, once the patience is at its end.
    pub(super) fn poll_cut(
        &mut self,
        shared: &Arc<Shared>,
        activity: &Activity,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream(activity);
        let cut = self.cut.get_or_insert_with(|| {
            let (shared, stream) = (Arc::clone(shared), self.stream.clone());
            Box::pin(async move {
                either(&shared.cut, stream.as_ref().map(|stream| &stream.cut)).await;
            })
        });
        cut.as_mut().poll(cx).map(|()| Err(cut_off()))
    }

    /// The stream that the connection has become.
    fn stream(&mut self, activity: &Activity) -> Option<&Arc<Stream>> {
        if self.stream.is_none() {
            self.stream = activity.stream();
        }
        self.stream.as_ref()
    }
}

/// The service, or the plugins that the stream passes through.
async fn either(service: &CancellationToken, stream: Option<&CancellationToken>) {
    let Some(stream) = stream else {
        return service.cancelled().await;
    };
    tokio::select! {
        () = service.cancelled() => {}
        () = stream.cancelled() => {}
    }
}

fn cut_off() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "cut off: the service has stopped, or a plugin that this passes through",
    )
}
