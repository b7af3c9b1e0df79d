//! Where operators and scrapers are answered: at one address at a time.

use super::{Door, Guard, answer, metrics, nothing_here, router};
use crate::{
    call::BoxFuture,
    credentials::Credentials,
    error::Result,
    handle::ChassisHandle,
    http::Body,
    listening::{Acceptor, Begin},
    server,
};
use axum::{Router, routing::get};
use http::{HeaderValue, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener as StdListener},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How many connections are served at a time; further ones wait. Operators and scrapers are few.
const MAX_CONNECTIONS: usize = 128;

/// How long a connection may be silent before the head of a request is complete.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long an idle connection to an address that is left stays open, for the request that may be on its way.
const LINGER: Duration = Duration::from_secs(1);

/// Answers at an address until it is moved to another, or the service ends.
pub(crate) struct Listener {
    router: Router,
    /// Who may ask at an address.
    door: Box<dyn Fn(SocketAddr) -> Door + Send + Sync>,
    supervisor: Handle,
    slots: Arc<Semaphore>,
    /// The loops that accept.
    accepting: TaskTracker,
    ended: CancellationToken,
    present: Arc<Mutex<Present>>,
}

/// The address where it answers now.
#[derive(Default)]
struct Present {
    /// Cancelled when it is left.
    left: CancellationToken,
    /// Cancelled when it is free.
    free: Option<CancellationToken>,
}

impl Listener {
    /// For the management endpoints.
    pub(crate) fn new(
        handle: ChassisHandle,
        credentials: Option<Arc<Credentials>>,
        supervisor: Handle,
    ) -> Self {
        let door = move |address| {
            Door::Management(Arc::new(Guard::new(Some(address), credentials.clone())))
        };
        Self::with(router(handle), Box::new(door), supervisor)
    }

    /// For `GET /metrics`, and nothing else. It asks for no token: who only counts should not hold one that can reload
    /// the service.
    pub(crate) fn of_metrics(handle: ChassisHandle, supervisor: Handle) -> Self {
        let router = Router::new().route("/metrics", get(metrics::page));
        let router = router.fallback(nothing_here).with_state(handle);
        Self::with(router, Box::new(|_| Door::Metrics), supervisor)
    }

    fn with(
        router: Router,
        door: Box<dyn Fn(SocketAddr) -> Door + Send + Sync>,
        supervisor: Handle,
    ) -> Self {
        Self {
            router,
            door,
            supervisor,
            slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            accepting: TaskTracker::new(),
            ended: CancellationToken::new(),
            present: Arc::default(),
        }
    }

    /// Ends with all that is open, and waits until the address is free.
    pub(crate) async fn end(&self) {
        self.ended.cancel();
        self.accepting.close();
        self.accepting.wait().await;
    }
}

impl Acceptor for Listener {
    fn prepare(&self, socket: Option<StdListener>) -> Result<Begin> {
        let next = match socket {
            Some(socket) => {
                let door = (self.door)(socket.local_addr()?);
                let _on_supervisor = self.supervisor.enter();
                let visit = Visit {
                    router: self.router.clone(),
                    door,
                    left: CancellationToken::new(),
                    ended: self.ended.clone(),
                };
                Some((TcpListener::from_std(socket)?, visit))
            }
            None => None,
        };
        let (slots, tasks) = (Arc::clone(&self.slots), self.accepting.clone());
        let (supervisor, present) = (self.supervisor.clone(), Arc::clone(&self.present));
        Ok(Box::new(move || {
            let mut to = Present::default();
            if let Some((listener, visit)) = next {
                let free = CancellationToken::new();
                to = Present {
                    left: visit.left.clone(),
                    free: Some(free.clone()),
                };
                let accept = async move {
                    accept(listener, slots, visit).await;
                    free.cancel();
                };
                tasks.spawn_on(accept, &supervisor);
            }
            let mut present = present.lock().unwrap_or_else(PoisonError::into_inner);
            let before = std::mem::replace(&mut *present, to);
            before.left.cancel();
            let released: BoxFuture<'static, ()> = Box::pin(async move {
                if let Some(free) = before.free {
                    free.cancelled().await;
                }
            });
            released
        }))
    }

    fn abandon(&self) {
        self.ended.cancel();
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

/// What the connections to an address have in common.
#[derive(Clone)]
struct Visit {
    router: Router,
    door: Door,
    left: CancellationToken,
    ended: CancellationToken,
}

/// Accepts until the address is left, or the service ends.
async fn accept(listener: TcpListener, slots: Arc<Semaphore>, visit: Visit) {
    let accept = async {
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await;
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, visit.clone());
                    tokio::spawn(async move {
                        connection.await;
                        drop(slot);
                    });
                }
                Err(error) => server::pause(&error).await,
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = visit.ended.cancelled() => return,
        () = visit.left.cancelled() => {}
    }
    // Who is in the queue was promised a connection; closing the listener would reset it.
    let Ok(listener) = listener.into_std() else {
        return;
    };
    while let Ok((stream, peer)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            tokio::spawn(connection(stream, peer, visit.clone()));
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, visit: Visit) {
    _ = stream.set_nodelay(true);
    let Visit {
        router,
        door,
        left,
        ended,
    } = visit;
    let is_left = &left;
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (router, door, is_left) = (router.clone(), door.clone(), is_left.clone());
        async move {
            let mut response = answer(router, request.map(Body::new), door, peer).await;
            if is_left.is_cancelled() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(16 << 10);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut leaves = pin!(async {
        left.cancelled().await;
        tokio::time::sleep(LINGER).await;
    });
    let mut is_leaving = false;
    loop {
        tokio::select! {
            outcome = connection.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(%peer, %error, "management connection ended with an error");
                }
                return;
            }
            () = leaves.as_mut(), if !is_leaving => {
                is_leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            () = ended.cancelled() => return,
        }
    }
}
