//! The path of a request: into the generation, through the onion, out with the last byte of the body.

use crate::{
    error::{Error, code},
    generation::{Current, Lease},
    http::{
        Body, Exchange, Held, Outcome, Response, RouteInfo, X_REQUEST_ID, client_of, failure_of,
        limited, problem, request_id, serve as through,
    },
    scope::Scope,
};
use http::{HeaderValue, Method, header};
use http_body::Body as _;
use std::{net::SocketAddr, sync::Arc};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Serves one request in the generation that is current when it arrives. The lease comes with the response: it is
/// to be held until the response, or what became of its connection, is at its end.
#[cfg(feature = "testing")]
pub(crate) async fn serve(
    current: &Current,
    shard: usize,
    request: http::Request<Body>,
    peer: SocketAddr,
) -> (Response, Option<Arc<Lease>>) {
    serve_until(&CancellationToken::new(), current, shard, request, peer).await
}

/// The same on a connection that is ended by force once `cut` is cancelled.
pub(crate) async fn serve_until(
    cut: &CancellationToken,
    current: &Current,
    shard: usize,
    request: http::Request<Body>,
    peer: SocketAddr,
) -> (Response, Option<Arc<Lease>>) {
    let Some(lease) = current.enter(shard) else {
        let error = Error::new(
            code::CLOSED,
            "the service does not run yet, or not any more",
        );
        let response = problem(error);
        tell_of_failure(&response, None, false);
        return (response, None);
    };
    let server = &lease.0.config.settings().server;
    let id = request_id(request.headers());
    let span = tracing::info_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        request_id = id.as_str(),
    );
    let is_head = request.method() == Method::HEAD;
    let id_header = HeaderValue::from_str(id.as_str()).ok();
    let client = client_of(peer, request.headers(), &server.trusted_proxies);
    let scope = Scope::new(Arc::clone(&lease) as _, Some(Arc::clone(&id.0)));
    let request = limited(request, server.max_body);
    let table = Arc::clone(&lease.0.routes);
    let exchange = Exchange::new(request, table, scope, id, client, peer, server.max_body);

    let mut response = async {
        let unanswered = Unanswered(Some(cut));
        let served = through(exchange, server.request_timeout).await;
        unanswered.answered();
        if served.response.status().is_server_error() {
            // What answered in place of the handler is not the plugin's that owns the route.
            let is_handled = served.outcome != Outcome::AnsweredEarly;
            tell_of_failure(&served.response, served.route.as_deref(), is_handled);
        }
        served.response
    }
    .instrument(span)
    .await;
    if let Some(id) = id_header {
        response.headers_mut().entry(&X_REQUEST_ID).or_insert(id);
    }
    if is_head {
        response = head_of(response);
    }
    (response, Some(lease))
}

/// Dropped before there is an answer, it says so: in the span of the request, which names it.
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
