//! Pages of plugins: the one thing here that runs their code, and so it runs where the service runs, never on this thread.

use super::Peer;
use crate::{
    call::catch_async,
    error::{Error, Result, code},
    generation::Lease,
    handle::ChassisHandle,
    http::{Arrived, Body, ClientAddr, Exchange, Request, Response, serve},
    scope::Scope,
    service::cause_of,
};
use axum::{Extension, extract::State};
use http::{Method, header};
use http_body_util::{BodyExt as _, Limited};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// How long a page may take with its body, whatever it does.
const LIMIT: Duration = Duration::from_secs(30);

/// How many are under way at a time, those included that nobody waits for any more.
const MOST: usize = 16;

/// How large a page may be: all of it is in memory.
const MAX_PAGE: usize = 8 << 20;

/// The places of the pages that are under way.
#[derive(Clone)]
pub(super) struct Slots(Arc<Semaphore>);

impl Slots {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

pub(super) async fn page(
    State(handle): State<ChassisHandle>,
    Extension(Slots(slots)): Extension<Slots>,
    Extension(Peer(peer)): Extension<Peer>,
    mut request: Request,
) -> Result<Response> {
    let path = request.uri().path();
    let name: Arc<str> = path.split('/').nth(2).unwrap_or_default().into();
    // Who is not there has no page, and the nearest names help.
    handle.plugin(&name)?;
    let reloader = handle.reloader()?;
    let lease = reloader.serving()?;
    let slot = slots.try_acquire_owned().map_err(|_| {
        let message = format!("{MOST} pages of plugins are under way, and no more may be");
        Error::new(code::BUSY, message).with_help("try again when they are done")
    })?;
    // It opens every door here; a plugin needs it for none.
    request.headers_mut().remove(header::AUTHORIZATION);
    let work = {
        let name = Arc::clone(&name);
        async move {
            let _slot = slot;
            let made = catch_async(make(&lease, request, peer)).await;
            made.unwrap_or_else(|panic| {
                let message = format!("the body of the page panicked: {}", panic.text);
                Err(Error::new(code::PANIC, message))
            })
            .map_err(|error| error.in_plugin(name))
        }
    };
    let work = AbortOnDropHandle::new(reloader.workers.spawn(work));
    drop(reloader);
    match tokio::time::timeout(LIMIT, work).await {
        Ok(made) => made?,
        Err(_) => {
            let seconds = LIMIT.as_secs();
            let message = format!("the page took longer than {seconds}s, its body included");
            Err(Error::new(code::DEADLINE, message).in_plugin(name))
        }
    }
}

/// Calls the handler, and reads the body to its end: the body is the plugin's own code, too.
async fn make(lease: &Arc<Lease>, request: Request, peer: SocketAddr) -> Result<Response> {
    let cause = cause_of(request.headers());
    let arrived = Arrived {
        at: Instant::now(),
        is_head: request.method() == Method::HEAD,
        scope: Scope::of(Arc::clone(lease) as _, cause),
        client: ClientAddr(peer.ip().to_canonical()),
        // It listens for itself, without a proxy.
        is_secure: false,
        peer,
    };
    let max_body = lease.0.config.settings().server.max_body;
    let mut exchange = Exchange::new(request, &lease.0.pages, arrived, max_body);
    serve(&mut exchange, LIMIT).await;
    let (head, body) = exchange.take_response().into_parts();
    let body = Limited::new(body, MAX_PAGE).collect().await;
    let body = body.map_err(|error| {
        let message = format!("the body of the page can't be read: {error}");
        Error::msg(message).with_help("a page may have 8MiB")
    })?;
    Ok(Response::from_parts(head, Body::from(body.to_bytes())))
}
