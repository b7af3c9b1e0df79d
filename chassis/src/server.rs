//! Listens, accepts, drains.

use crate::{
    config::ServerSettings,
    error::{Error, Result, code},
    generation::Current,
};
use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod connection;
mod socket;

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
    /// The patience is at its end.
    cut: CancellationToken,
    /// How many connections were ended by force.
    cut_off: AtomicUsize,
    connections: TaskTracker,
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
            cut: CancellationToken::new(),
            cut_off: AtomicUsize::new(0),
            connections: TaskTracker::new(),
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
        shared.draining.cancel();
        shared.connections.close();
        if tokio::time::timeout(grace, shared.connections.wait())
            .await
            .is_err()
        {
            shared.cut.cancel();
            // A connection whose handler blocks its thread never sees the signal.
            _ = tokio::time::timeout(Duration::from_secs(1), shared.connections.wait()).await;
        }
        shared.cut_off.load(Relaxed) + shared.connections.len()
    }
}

impl Shared {
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
                Err(error) => self.pause(&error).await,
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
                self.serve(stream, peer, ());
            }
        }
    }

    fn serve<P: Send + 'static>(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, slot: P) {
        let shared = Arc::clone(self);
        self.connections.spawn(async move {
            connection::serve(shared, stream, peer).await;
            drop(slot);
        });
    }

    async fn pause(&self, error: &io::Error) {
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
}
