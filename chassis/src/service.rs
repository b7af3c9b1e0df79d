//! The path of a request: into the generation, through the onion, out with the last byte of the body.

use crate::{
    cause::Cause,
    credentials::Credentials,
    error::{BoxError, Error, code},
    event::{Bus, OF_REQUESTS},
    generation::{Current, Lease, Streams},
    http::{
        Arrived, Body, Exchange, Held, Outcome, Response, RouteInfo, SERVER_TIMING, client_of,
        failure_of, problem, serve as through,
    },
    mark::{Mark, Of},
    metrics::{Active, method_index},
    request_id::RequestId,
    scope::Scope,
    trace_context::TraceContext,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as HttpBody;
use serde_json::json;
use std::{net::SocketAddr, pin::pin, sync::Arc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, field::Empty};

mod streaming;

use streaming::stream;

/// The span of a request. It costs what the subscriber makes of it, so the log of `chassis::main` has no use for it: see
/// [`Mark`].
pub(crate) const SPAN: &str = "chassis::request";

/// Serves one request outside of a connection. The lease comes with the response: it is to be held until the response,
/// or what became of its connection, is at its end.
pub(crate) async fn answer(
    current: &Current,
    mut request: http::Request<Body>,
    peer: SocketAddr,
) -> (Response, Option<(Option<Arc<Lease>>, Active)>) {
    let Some(lease) = current.enter(current.shard()) else {
        return (closed(), None);
    };
    let is_measured = is_measured(current, &mut request, peer);
    let mut exchange = begin(&lease, request, peer, Instant::now());
    if is_measured {
        exchange.measure();
    }
    let counting = Counting::new(&exchange);
    serve(&mut exchange, &lease, &counting, &CancellationToken::new()).await;
    let response = finish(&mut exchange, &counting);
    let (response, lease) = keep(response, &exchange, lease, &current.streams);
    (response, Some((lease, counting.active)))
}

/// What a response needs of its generation to its last byte: all of it; or nothing, if no end of it is in sight.
#[inline]
pub(crate) fn keep(
    mut response: Response,
    exchange: &Exchange,
    lease: Arc<Lease>,
    streams: &Arc<Streams>,
) -> (Response, Option<Arc<Lease>>) {
    match stream(&mut response, exchange, &lease, streams) {
        true => (response, None),
        false => (response, Some(lease)),
    }
}

/// The header by which operators ask what takes how long: a token of `management.token_file`. It is not `Authorization`,
/// for that belongs to the service and its own callers.
const ASKS_FOR_TIMING: HeaderName = HeaderName::from_static("x-chassis-timing");

/// Whether `Server-Timing` is to be on the answer. No plugin sees the token, right or wrong.
#[inline]
pub(crate) fn is_measured<B>(
    current: &Current,
    request: &mut http::Request<B>,
    peer: SocketAddr,
) -> bool {
    let Some(credentials) = current.credentials.get() else {
        return false;
    };
    let token = request.headers_mut().remove(ASKS_FOR_TIMING);
    token.is_some_and(|token| is_known(credentials, &token, peer))
}

#[cold]
fn is_known(credentials: &Credentials, token: &HeaderValue, peer: SocketAddr) -> bool {
    if credentials.holder(token.as_bytes()).is_some() {
        return true;
    }
    if let Some(times) = credentials.refuse() {
        tracing::warn!(%peer, times, "the token in `X-Chassis-Timing` is none of those that are known here");
    }
    false
}

/// What has to be known of a request to count it.
pub(crate) struct Counting {
    /// To be held to the last byte of the answer.
    pub(crate) active: Active,
    method: usize,
    since: Instant,
}

impl Counting {
    #[inline]
    pub(crate) fn new(exchange: &Exchange) -> Self {
        Self {
            active: Active::new(exchange.meter()),
            method: method_index(exchange.method()),
            since: exchange.started(),
        }
    }
}

/// On whose behalf everything is done that is done for a request.
#[inline]
pub(crate) fn cause_of(headers: &HeaderMap) -> Cause {
    let (id, has_trace) = RequestId::of(headers);
    let trace = match has_trace {
        true => TraceContext::extract(headers).map(Arc::new),
        false => None,
    };
    Cause::new(id, trace)
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
    let cause = cause_of(request.headers());
    let (client, is_secure) = client_of(peer, request.headers(), &server.trusted_proxies);
    let arrived = Arrived {
        at,
        is_head: request.method() == Method::HEAD,
        scope: Scope::of(Arc::clone(lease) as _, cause),
        client,
        is_secure,
        peer,
    };
    Exchange::new(request, &lease.0.routes, arrived, server.max_body)
}

/// Takes an exchange to its answer, on a connection that is ended by force once `cut` is cancelled.
pub(crate) async fn serve(
    exchange: &mut Exchange,
    lease: &Lease,
    counting: &Counting,
    cut: &CancellationToken,
) {
    exchange.limit_body();
    let deadline = lease.0.config.settings().server.request_timeout;
    let mark = Mark {
        of: Of::Request {
            method: exchange.method().clone(),
            route: exchange.route().map(|route| Arc::clone(&route.path)),
        },
        cause: exchange.scope().cause().clone(),
    };
    let span = tracing::info_span!(
        target: SPAN,
        "request",
        method = %exchange.method(),
        path = exchange.uri().path(),
        request_id = exchange.request_id().as_str(),
        // For whoever knows of one.
        correlation_id = Empty,
    );
    let answered = pin!(Some(async {
        let mut unanswered = Unanswered {
            exchange,
            counting,
            cut,
            is_answered: false,
        };
        through(unanswered.exchange, deadline).await;
        unanswered.is_answered = true;
        drop(unanswered);
        if exchange.status().is_server_error() {
            tell_of_exchange(exchange);
        }
        let bus = Bus::of_requests(exchange.scope());
        // Probes come every few seconds, and are asked of the chassis.
        if let Some(bus) = bus.filter(|_| !exchange.route().is_some_and(RouteInfo::is_own)) {
            publish(bus, exchange);
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
pub(crate) fn finish(exchange: &mut Exchange, counting: &Counting) -> Response {
    let mut response = exchange.take_response();
    let took = counting.since.elapsed();
    let meter = exchange.meter();
    meter.count(counting.method, response.status(), took);
    exchange.request_id().put_into(response.headers_mut());
    if let Some(timing) = exchange.server_timing() {
        response.headers_mut().append(SERVER_TIMING, timing);
    }
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

/// The status, in metrics only, of a request that had no answer; others call it that, too.
const NOBODY_WAITS: u16 = 499;

/// Dropped before there is an answer, it says so: under the mark of the request, which names it.
struct Unanswered<'a> {
    /// Counted where its route is at its end: a hook may have sent it to another one.
    exchange: &'a mut Exchange,
    counting: &'a Counting,
    cut: &'a CancellationToken,
    is_answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let counting = self.counting;
        if let Ok(status) = StatusCode::from_u16(NOBODY_WAITS) {
            let took = counting.since.elapsed();
            let meter = self.exchange.meter();
            meter.count(counting.method, status, took);
        }
        if self.cut.is_cancelled() {
            tracing::warn!("request cut off: it took longer than `shutdown.grace`");
        } else {
            tracing::debug!("the client went away before the answer");
        }
    }
}

/// Tells those who want to know of each request. Not its path: there may be a secret in it.
#[cold]
fn publish(bus: &Bus, exchange: &Exchange) {
    let [completed, failed] = OF_REQUESTS;
    let status = exchange.status();
    let topic = if status.is_server_error() {
        failed
    } else {
        completed
    };
    let arrived = &exchange.cx.arrived;
    let route = exchange.route();
    bus.tell(&arrived.scope, topic, || {
        json!({
            "method": exchange.method().as_str(),
            "route": route.map(|route| &route.path),
            "plugin": route.map(|route| &route.owner),
            "status": status.as_u16(),
            "duration_ms": arrived.at.elapsed().as_secs_f64() * 1_000.0,
            "client": arrived.client.0,
        })
    });
}

/// Logs an exchange whose answer says that the service failed.
#[cold]
fn tell_of_exchange(exchange: &Exchange) {
    // A probe that says "not now" is no failure; it comes every few seconds.
    if exchange.route().is_some_and(RouteInfo::is_own) {
        return;
    }
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
