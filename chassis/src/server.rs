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
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod activity;
mod bell;
mod connection;
mod socket;
mod upgraded;
mod websocket;

/// A server that accepts connections, at one address at a time, until it is drained.
pub(crate) struct Server {
    workers: Handle,
    present: Arc<Mutex<Present>>,
}

/// Where it accepts now.
struct Present {
    shared: Arc<Shared>,
    /// None until it accepts for the first time.
    accepting: Option<JoinHandle<()>>,
}

/// What the accept loop of one address and its connections have in common. Whether it drains is a matter of the address, all
/// else is the same at each that there has been.
struct Shared {
    current: Arc<Current>,
    settings: ServerSettings,
    idle_linger: Duration,
    /// No new connections here; those that are open finish what they do.
    draining: CancellationToken,
    /// The same, for those who ask at each request: the token has a lock.
    is_draining: AtomicBool,
    /// The service ends: those who speak HTTP no more should come to an end, too.
    ending: CancellationToken,
    /// `server.max_connections`.
    slots: Arc<Semaphore>,
    /// Those that are busy are to be counted.
    roll_call: CancellationToken,
    /// How many were busy.
    busy: Arc<AtomicUsize>,
    /// The patience is at its end.
    cut: CancellationToken,
    /// How many connections were ended by force.
    cut_off: Arc<AtomicUsize>,
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
            .field("connections", &self.shared().connections.len())
            .finish()
    }
}

impl Drop for Server {
    /// A server that is dropped without being drained ends at once.
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Server {
    /// A server that accepts nowhere yet, and then on these workers.
    pub(crate) fn new(
        current: Arc<Current>,
        settings: ServerSettings,
        idle_linger: Duration,
        workers: Handle,
    ) -> Self {
        let shared = Arc::new(Shared {
            slots: Arc::new(Semaphore::new(settings.max_connections)),
            current,
            settings,
            idle_linger,
            draining: CancellationToken::new(),
            is_draining: AtomicBool::new(false),
            ending: CancellationToken::new(),
            roll_call: CancellationToken::new(),
            busy: Arc::default(),
            cut: CancellationToken::new(),
            cut_off: Arc::default(),
            connections: TaskTracker::new(),
            upgraded: TaskTracker::new(),
        });
        let accepting = None;
        Self {
            workers,
            present: Arc::new(Mutex::new(Present { shared, accepting })),
        }
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&present(&self.present).shared)
    }

    /// Makes a socket ready. What is returned begins to accept on it, and lets go of the one before: connections there
    /// finish what they do, and those that have become something else than HTTP go on. It is done when the old address is
    /// free.
    pub(crate) fn prepare(
        &self,
        socket: StdListener,
    ) -> Result<impl FnOnce() -> Accepting + Send + use<>> {
        let workers = self.workers.clone();
        let listener = {
            let _on_workers = workers.enter();
            TcpListener::from_std(socket)?
        };
        let place = Arc::clone(&self.present);
        Ok(move || {
            let mut place = present(&place);
            // It has begun to drain, and will not accept anybody any more.
            if place.shared.ending.is_cancelled() {
                return Accepting(None);
            }
            let next = Arc::new(place.shared.elsewhere());
            let tracker = next.connections.clone();
            let accepting = Arc::clone(&next).accept(listener);
            let accepting = tracker.spawn_on(accepting, &workers);
            let before = std::mem::replace(&mut place.shared, next);
            before.begin_draining();
            Accepting(place.accepting.replace(accepting))
        })
    }

    /// Ends at once, with all that is open.
    pub(crate) fn abandon(&self) {
        let shared = self.end();
        shared.cut.cancel();
    }

    /// From now on nobody is accepted, anywhere.
    fn end(&self) -> Arc<Shared> {
        let place = present(&self.present);
        place.shared.ending.cancel();
        place.shared.begin_draining();
        Arc::clone(&place.shared)
    }

    /// Stops accepting, lets open connections finish for as long as `grace`, then ends them. How many had to be
    /// ended.
    pub(crate) async fn drain(&self, grace: Duration) -> usize {
        let shared = &self.end();
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

fn present(present: &Mutex<Present>) -> MutexGuard<'_, Present> {
    present.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of an accept loop.
pub(crate) struct Accepting(Option<JoinHandle<()>>);

impl Accepting {
    /// Waits until its socket is closed.
    pub(crate) async fn ended(self) {
        if let Some(accepting) = self.0 {
            // Only the end of the runtime could keep it from its own.
            _ = accepting.await;
        }
    }
}

/// How soon it is told that somebody is waited for.
const SOON: Duration = Duration::from_millis(100);

impl Shared {
    /// What those share who connect to another address of the same service.
    fn elsewhere(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            settings: self.settings.clone(),
            idle_linger: self.idle_linger,
            draining: CancellationToken::new(),
            is_draining: AtomicBool::new(false),
            ending: self.ending.clone(),
            slots: Arc::clone(&self.slots),
            roll_call: self.roll_call.clone(),
            busy: Arc::clone(&self.busy),
            cut: self.cut.clone(),
            cut_off: Arc::clone(&self.cut_off),
            connections: self.connections.clone(),
            upgraded: self.upgraded.clone(),
        }
    }

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
        loop {
            // At the limit, new connections wait in the kernel's queue: they are late, not refused.
            let slot = tokio::select! {
                slot = Arc::clone(&self.slots).acquire_owned() => slot,
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
