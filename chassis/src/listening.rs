//! Where the service listens: an address that a reload changes is bound before anything else is, and the old one let go
//! when the new generation serves.

use crate::{
    call::BoxFuture,
    config::{Config, Settings},
    error::{Error, Result, code},
    server,
};
use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Who blocks the threads that accept keeps an old address a bit longer, and nobody waits for that.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Which of the listeners of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Service,
    Management,
    Metrics,
}

impl Which {
    fn key(self) -> &'static str {
        match self {
            Self::Service => "server.listen",
            Self::Management => "management.listen",
            Self::Metrics => "metrics.listen",
        }
    }

    /// The address that it has by a configuration.
    fn wanted(self, settings: &Settings) -> Option<SocketAddr> {
        match self {
            Self::Service => Some(settings.server.listen),
            Self::Management => Some(settings.management.listen),
            Self::Metrics => settings.metrics.listen,
        }
    }
}

/// Begins to accept on another socket, and then lets go of the old one: what it gives is done when that is free. What is
/// open there ends in peace.
pub(crate) type Begin = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// Accepts at an address, and can be moved to another.
pub(crate) trait Acceptor: Send + Sync {
    /// Makes a socket ready, without accepting; none to accept no more.
    ///
    /// # Errors
    ///
    /// If the socket can't be used.
    fn prepare(&self, socket: Option<TcpListener>) -> Result<Begin>;

    /// Ends at once, with all that is open.
    fn abandon(&self);
}

/// The listeners of a service; none in a test without ports.
#[derive(Default)]
pub(crate) struct Listening(Mutex<Vec<Listener>>);

struct Listener {
    which: Which,
    acceptor: Arc<dyn Acceptor>,
    at: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// As the configuration says; none if the service was handed a socket that was bound: that one stays.
    wanted: Option<SocketAddr>,
    bound: SocketAddr,
}

/// A listener that is bound to another address, and does not accept there yet. Dropped, it is as if it had never been.
pub(crate) struct Move {
    which: Which,
    to: Option<Place>,
    begin: Option<Begin>,
}

impl Listening {
    fn all(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a listener, which accepts nowhere yet.
    pub(crate) fn add(&self, which: Which, acceptor: Arc<dyn Acceptor>) {
        self.all().push(Listener {
            which,
            acceptor,
            at: None,
        });
    }

    /// Takes a socket that was bound by somebody else; it is where the listener stays, whatever the configuration says.
    pub(crate) fn take(&self, which: Which, socket: TcpListener) -> Result<Move> {
        socket.set_nonblocking(true)?;
        let bound = socket.local_addr()?;
        let acceptor = {
            let all = self.all();
            let found = all.iter().find(|listener| listener.which == which);
            found.map(|listener| Arc::clone(&listener.acceptor))
        };
        Ok(Move {
            which,
            to: Some(Place {
                wanted: None,
                bound,
            }),
            begin: acceptor
                .map(|acceptor| acceptor.prepare(Some(socket)))
                .transpose()?,
        })
    }

    /// Binds what a configuration wants elsewhere, but for those that are `placed` already.
    ///
    /// # Errors
    ///
    /// If an address can't be bound; then nothing is.
    pub(crate) fn prepare(&self, config: &Config, placed: &[Move]) -> Result<Vec<Move>> {
        let all = self.all();
        let (mut moves, mut errors) = (Vec::new(), Vec::new());
        for listener in all.iter() {
            if placed.iter().any(|placed| placed.which == listener.which) {
                continue;
            }
            match listener.to(config.settings(), &all) {
                Ok(moved) => moves.extend(moved),
                Err(error) => errors.push(match config.origin(listener.which.key()) {
                    Some(origin) => error.from_origin(origin.to_string()),
                    None => error,
                }),
            }
        }
        Error::all(errors).map_or(Ok(moves), Err)
    }

    /// Says where the listeners are that are bound, and do not accept yet.
    pub(crate) fn note(&self, moves: &[Move]) {
        let mut all = self.all();
        for one in moves {
            let mut found = all.iter_mut();
            if let Some(listener) = found.find(|listener| listener.which == one.which) {
                listener.at = one.to;
            }
        }
    }

    /// Accepts there from now on. What is returned is done when the old addresses are free.
    pub(crate) fn begin(&self, moves: Vec<Move>) -> impl Future<Output = ()> + use<> {
        for one in &moves {
            let (key, from) = (one.which.key(), self.address(one.which));
            match one.to.map(|to| to.bound) {
                to if to == from => {}
                Some(to) => tracing::info!("`{key}` has changed: listening on {to}"),
                None => tracing::info!("`{key}` has changed: listening there no more"),
            }
        }
        self.note(&moves);
        let begun: Vec<_> = moves
            .into_iter()
            .filter_map(|one| one.begin)
            .map(|begin| begin())
            .collect();
        async move {
            for left in begun {
                _ = tokio::time::timeout(AT_ONCE, left).await;
            }
        }
    }

    /// Where a listener is.
    pub(crate) fn address(&self, which: Which) -> Option<SocketAddr> {
        let all = self.all();
        let found = all.iter().find(|listener| listener.which == which);
        found?.at.map(|place| place.bound)
    }

    /// Nobody is answered any more.
    pub(crate) fn abandon(&self) {
        for listener in self.all().iter() {
            listener.acceptor.abandon();
        }
    }
}

impl Move {
    pub(crate) fn is_of_service(&self) -> bool {
        self.which == Which::Service
    }
}

impl Listener {
    /// Binds the address that a configuration wants; none if it is there already.
    fn to(&self, settings: &Settings, all: &[Self]) -> Result<Option<Move>> {
        let wanted = self.which.wanted(settings);
        if self.at.is_some_and(|at| at.wanted.is_none()) {
            return Ok(None);
        }
        let (to, begin) = match (wanted, self.at) {
            (None, None) => return Ok(None),
            (Some(wanted), Some(at)) if at.wanted == Some(wanted) => return Ok(None),
            // The port that it has got is the one that is wanted now.
            (Some(wanted), Some(at)) if at.bound == wanted => (at.to_be(wanted), None),
            (Some(wanted), _) => {
                let socket = server::bind(wanted, self.which.key())
                    .map_err(|error| or_ours(error, wanted, all))?;
                let bound = socket.local_addr()?;
                let place = Place {
                    wanted: Some(wanted),
                    bound,
                };
                (Some(place), Some(self.acceptor.prepare(Some(socket))?))
            }
            (None, Some(_)) => (None, Some(self.acceptor.prepare(None)?)),
        };
        let which = self.which;
        Ok(Some(Move { which, to, begin }))
    }
}

impl Place {
    fn to_be(self, wanted: SocketAddr) -> Option<Self> {
        Some(Self {
            wanted: Some(wanted),
            ..self
        })
    }
}

/// The error of an address that can't be bound because this service has its port itself.
fn or_ours(error: Error, wanted: SocketAddr, all: &[Listener]) -> Error {
    let has_it = |listener: &&Listener| {
        let port = listener.at.map(|at| at.bound.port());
        wanted.port() != 0 && port == Some(wanted.port())
    };
    let Some(listener) = all.iter().find(has_it) else {
        return error;
    };
    let (key, at) = (listener.which.key(), listener.at.map(|at| at.bound));
    let at = at.map(|at| at.to_string()).unwrap_or_default();
    Error::new(
        code::LISTEN,
        format!(
            "can't listen on {wanted}: the new address is bound before the old one is let go, and `{key}` is at {at}"
        ),
    )
    .with_help("choose another port, or restart the process")
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.all();
        let all = all.iter().map(|listener| (listener.which, listener.at));
        f.debug_list().entries(all).finish()
    }
}

impl Acceptor for server::Server {
    fn prepare(&self, socket: Option<TcpListener>) -> Result<Begin> {
        let Some(socket) = socket else {
            return Ok(Box::new(|| Box::pin(async {})));
        };
        let begin = self.prepare(socket)?;
        Ok(Box::new(move || Box::pin(begin().ended())))
    }

    fn abandon(&self) {
        self.abandon();
    }
}
