//! The path of a request: into the generation, through the onion, out with the last byte of the body.

use crate::{
    error::{BoxError, Error, code},
    generation::{Current, Lease},
    http::{
        Arrived, Body, Exchange, Held, Mark, Outcome, Response, RouteInfo, client_of, failure_of,
        problem, serve as through,
    },
    request_id::RequestId,
    scope::Scope,
};
use bytes::Bytes;
use http::{Method, header};
use http_body::Body as HttpBody;
use std::{net::SocketAddr, pin::pin, sync::Arc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// The span of a request. It costs what the subscriber makes of it, so the log of `chassis::main` has no use for it: see
/// [`Mark`].
pub(crate) const SPAN: &str = "chassis::request";

/// Serves one request outside of a connection. The lease comes with the response: it is to be held until the response,
/// or what became of its connection, is at its end.
pub(crate) async fn answer(
    current: &Current,
    request: http::Request<Body>,
    peer: SocketAddr,
) -> (Response, Option<Arc<Lease>>) {
    let Some(lease) = current.enter(current.shard()) else {
        return (closed(), None);
    };
    let mut exchange = begin(&lease, request, peer, Instant::now());
    serve(&mut exchange, &lease, &CancellationToken::new()).await;
    (finish(&mut exchange), Some(lease))
}

/// A request whose head had arrived `at` this time, in the generation that it has entered.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "a request is large, and each call moves it"
)]
pub(crate) fn begin<B>(
    lease: &Arc<Lease>,
    request: http::Request<B>,
    peer: SocketAddr,
    at: Instant,
) -> Exchange
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let server = &lease.0.config.settings().server;
    let (id, has_trace) = RequestId::of(request.headers());
    let arrived = Arrived {
        at,
        is_head: request.method() == Method::HEAD,
        scope: Scope::of(Arc::clone(lease) as _, id),
        has_trace,
        client: client_of(peer, request.headers(), &server.trusted_proxies),
        peer,
    };
    Exchange::new(request, &lease.0.routes, arrived, server.max_body)
}

/// Takes an exchange to its answer, on a connection that is ended by force once `cut` is cancelled.
pub(crate) async fn serve(exchange: &mut Exchange, lease: &Lease, cut: &CancellationToken) {
    exchange.limit_body();
    let deadline = lease.0.config.settings().server.request_timeout;
    let mark = Mark {
        method: exchange.method().clone(),
        path: exchange.uri().path_and_query().cloned(),
        id: exchange.request_id().clone(),
        trace: exchange.sent_trace().cloned(),
    };
    let span = tracing::info_span!(
        target: SPAN,
        "request",
        method = %mark.method,
        path = mark.path(),
        request_id = mark.id.as_str(),
    );
    let answered = pin!(Some(async {
        let unanswered = Unanswered(Some(cut));
        through(exchange, deadline).await;
        unanswered.answered();
        if exchange.status().is_server_error() {
            tell_of_exchange(exchange);
        }
    }));
    let answered = mark.carry(answered);
    if span.is_disabled() {
        answered.await;
    } else {
        answered.instrument(span).await;
    }
}

/// The answer of an exchange, as it is sent.
#[inline]
pub(crate) fn finish(exchange: &mut Exchange) -> Response {
    let mut response = exchange.take_response();
    exchange.request_id().put_into(response.headers_mut());
    if exchange.is_head() {
        response = head_of(response);
    }
    response
}

/// The answer where nothing serves.
#[cold]
pub(crate) fn closed() -> Response {
    let error = Error::new(
        code::CLOSED,
        "the service does not run yet, or not any more",
    );
    let response = problem(error);
    tell_of_failure(&response, None, false);
    response
}

/// Dropped before there is an answer, it says so: under the mark of the request, which names it.
struct Unanswered<'a>(Option<&'a CancellationToken>);

impl Unanswered<'_> {
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        match self.0 {
            Some(cut) if cut.is_cancelled() => {
                tracing::warn!("request cut off: it took longer than `shutdown.grace`");
            }
            Some(_) => tracing::debug!("the client went away before the answer"),
            None => {}
        }
    }
}

/// Logs an exchange whose answer says that the service failed.
#[cold]
fn tell_of_exchange(exchange: &Exchange) {
    // What answered in place of the handler is not the plugin's that owns the route.
    let is_handled = exchange.outcome() != Outcome::AnsweredEarly;
    if let Some(response) = exchange.response() {
        tell_of_failure(response, exchange.route(), is_handled);
    }
}

/// Logs an answer that says that the service failed, whoever gave it.
#[cold]
fn tell_of_failure(response: &Response, route: Option<&RouteInfo>, is_handled: bool) {
    let status = response.status().as_u16();
    let plugin = route.filter(|_| is_handled).map(|route| &*route.owner);
    let route = route.map(|route| format!("{} {}", route.method, route.path));
    let Some(error) = failure_of(response) else {
        tracing::error!(status, plugin, route, "request failed");
        return;
    };
    let mut told = error.line();
    if error.plugin().is_none() {
        told = match (plugin, &route) {
            (Some(plugin), Some(route)) => format!("plugin `{plugin}` ({route}): {told}"),
            (None, Some(route)) => format!("{route}: {told}"),
            _ => told,
        };
    }
    if error.code() == code::PANIC {
        // The guard has told of it.
        tracing::debug!(status, error = %told, "request failed");
    } else {
        tracing::error!(status, error = %told, "request failed");
    }
}

/// The answer to `HEAD`: that to `GET`, without the body. hyper leaves it out on HTTP/1 only.
fn head_of(mut response: Response) -> Response {
    let length = response.body().size_hint().exact();
    if let Some(length) = length.filter(|&length| length > 0) {
        response
            .headers_mut()
            .entry(header::CONTENT_LENGTH)
            .or_insert(length.into());
    }
    response.map(|_| Body::empty())
}

/// A response that holds its generation to the last byte of its body.
pub(crate) fn held<T: Send + Unpin + 'static>(
    response: Response,
    held: T,
) -> http::Response<Held<T>> {
    response.map(|body| Held::new(body, held))
}
