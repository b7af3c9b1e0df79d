//! The path of a request: into the generation, through the onion, out with the last byte of the body.

use crate::{
    error::{Error, code},
    generation::{Current, Lease},
    http::{
        Body, Exchange, Held, Response, X_REQUEST_ID, client_of, failure_of, limited, problem,
        request_id, serve as through,
    },
    scope::Scope,
};
use http::{HeaderValue, Method, header};
use http_body::Body as _;
use std::{net::SocketAddr, sync::Arc};
use tracing::Instrument as _;

/// Serves one request in the generation that is current when it arrives. The lease comes with the response: it is
/// to be held until the response, or what became of its connection, is at its end.
pub(crate) async fn serve(
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
        return (problem(error), None);
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
    let exchange = Exchange::new(request, table, scope, id, client, server.max_body);

    let mut response = async {
        let response = through(exchange, server.request_timeout).await;
        if let Some(error) = failure_of(&response) {
            tracing::error!(status = response.status().as_u16(), error = %error.report(), "request failed");
        }
        response
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
