//! Listens, accepts, drains.

use crate::{
    config::ServerSettings,
    error::{Error, Result, code},
    generation::Current,
};
use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod activity;
mod bell;
mod connection;
mod socket;
mod upgraded;
mod websocket;

/// A server that accepts connections until it is drained.
pub(crate) struct Server {
    shared: Arc<Shared>,
}

/// What the accept loop and its connections have in common.
struct Shared {
    current: Arc<Current>,
    settings: ServerSettings,
    idle_linger: Duration,
    /// No new connections; those that are open finish what they do.
    draining: CancellationToken,
    /// The same, for those who ask at each request: the token has a lock.
    is_draining: AtomicBool,
    /// Those that are busy are to be counted.
    roll_call: CancellationToken,
    /// How many were busy.
    busy: AtomicUsize,
    /// The patience is at its end.
    cut: CancellationToken,
    /// How many connections were ended by force.
    cut_off: AtomicUsize,
    connections: TaskTracker,
    /// Those that speak HTTP no more, until their sockets are closed.
    upgraded: TaskTracker,
}

/// Binds an address.
pub(crate) fn bind(address: SocketAddr, key: &str) -> Result<StdListener> {
    StdListener::bind(address).and_then(prepare).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("another process has this port; choose another in `{key}`, or 0 for any that is free")
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege".to_owned(),
            _ => format!("is the address in `{key}` one of this machine?"),
        };
        Error::new(code::LISTEN, format!("can't listen on {address}: {error}")).with_help(help)
    })
}

fn prepare(listener: StdListener) -> io::Result<StdListener> {
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("connections", &self.shared.connections.len())
            .finish()
    }
}

impl Drop for Server {
    /// A server that is dropped without being drained ends at once.
    fn drop(&mut self) {
        self.shared.begin_draining();
        self.shared.cut.cancel();
    }
}

impl Server {
    /// Begins to accept, on the runtime that it is called on.
    pub(crate) fn start(
        listener: StdListener,
        current: Arc<Current>,
        settings: ServerSettings,
        idle_linger: Duration,
    ) -> Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        let shared = Arc::new(Shared {
            current,
            settings,
            idle_linger,
            draining: CancellationToken::new(),
            is_draining: AtomicBool::new(false),
            roll_call: CancellationToken::new(),
            busy: AtomicUsize::new(0),
            cut: CancellationToken::new(),
            cut_off: AtomicUsize::new(0),
            connections: TaskTracker::new(),
            upgraded: TaskTracker::new(),
        });
        let accepting = Arc::clone(&shared);
        shared
            .connections
            .spawn(async move { accepting.accept(listener).await });
        Ok(Self { shared })
    }

    /// Stops accepting, lets open connections finish for as long as `grace`, then ends them. How many had to be
    /// ended.
    pub(crate) async fn drain(&self, grace: Duration) -> usize {
        let shared = &self.shared;
        shared.begin_draining();
        let closed = async {
            tokio::select! {
                () = shared.closed() => {}
                never = shared.tell_of_busy() => match never {},
            }
        };
        if tokio::time::timeout(grace, closed).await.is_err() {
            shared.cut.cancel();
            // Who blocks his thread, or keeps an upgraded socket without using it, never sees the signal.
            _ = tokio::time::timeout(Duration::from_secs(1), shared.closed()).await;
        }
        shared.cut_off.load(Relaxed) + shared.connections.len() + shared.upgraded.len()
    }
}

/// How soon it is told that somebody is waited for.
const SOON: Duration = Duration::from_millis(100);

impl Shared {
    fn begin_draining(&self) {
        self.is_draining.store(true, Relaxed);
        self.draining.cancel();
    }

    /// Says once for how many requests the end has to wait, if it does not come at once.
    async fn tell_of_busy(&self) -> Infallible {
        tokio::time::sleep(SOON).await;
        self.roll_call.cancel();
        loop {
            tokio::time::sleep(SOON).await;
            let busy = self.busy.load(Relaxed);
            if busy > 0 {
                let plural = if busy == 1 { "" } else { "s" };
                tracing::info!("waiting for {busy} request{plural}");
                return std::future::pending().await;
            }
        }
    }

    /// Waits for the end of all connections.
    async fn closed(&self) {
        self.connections.close();
        self.connections.wait().await;
        // A connection is upgraded before its task ends.
        self.upgraded.close();
        self.upgraded.wait().await;
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let slots = Arc::new(Semaphore::new(self.settings.max_connections));
        loop {
            // At the limit, new connections wait in the kernel's queue: they are late, not refused.
            let slot = tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => slot,
                () = self.draining.cancelled() => break,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.draining.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => self.serve(stream, peer, slot.ok()),
                Err(error) => pause(&error).await,
            }
        }
        // Who is in the queue was promised a connection; closing the listener would reset it. Asked directly: the
        // runtime may not have heard of him yet.
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, peer)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.serve(stream, peer, None);
            }
        }
    }

    fn serve(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        slot: Option<OwnedSemaphorePermit>,
    ) {
        let serving = connection::serve(Arc::clone(self), stream, peer, slot);
        self.connections.spawn(serving);
    }
}

/// What a listener does that can't accept.
pub(crate) async fn pause(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        // Out of file descriptors, most likely: others have to close some first.
        tracing::error!(%error, "can't accept connections");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
