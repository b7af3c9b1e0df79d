//! The management endpoints: on a listener, a thread and a runtime of their own.

use self::index::ENDPOINTS;
use crate::{
    call::catch_async,
    error::{Error, code},
    handle::ChassisHandle,
    http::{Body, Request, Response, failure_of, in_full, problem},
    server,
};
use axum::{Router, routing::get};
use http::{HeaderValue, Uri, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

mod index;
mod openapi;
mod endpoint;
mod plugins;
mod graph;
mod explain;
mod points;
mod events;
mod metrics;
mod service;
mod health;
mod reload;
mod change;
mod services;
mod loggers;
mod body;
mod guard;

/// How many connections are served at a time; further ones wait. Operators and scrapers are few.
const MAX_CONNECTIONS: usize = 128;

/// How long a connection may be silent before the head of a request is complete.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Who may ask.
#[derive(Clone, Copy)]
enum Door {
    /// Who is on this machine, and no page in a browser.
    Management,
    /// Whoever reaches the address; nothing can be changed there.
    Metrics,
}

/// Serves the management endpoints until `ended`.
pub(crate) async fn serve(listener: StdListener, handle: ChassisHandle, ended: CancellationToken) {
    listen(listener, router(handle), Door::Management, ended).await;
}

/// Serves `GET /metrics`, and nothing else, until `ended`.
pub(crate) async fn serve_metrics(
    listener: StdListener,
    handle: ChassisHandle,
    ended: CancellationToken,
) {
    let router = Router::new().route("/metrics", get(metrics::page));
    let router = router.fallback(nothing_here).with_state(handle);
    listen(listener, router, Door::Metrics, ended).await;
}

async fn listen(listener: StdListener, router: Router, door: Door, ended: CancellationToken) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the listener can't be used, and nobody answers there");
            return;
        }
    };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let accept = async {
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await;
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, router.clone(), door, ended.clone());
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
        () = ended.cancelled() => {}
    }
}

fn router(handle: ChassisHandle) -> Router {
    let mut router = Router::new();
    for endpoint in ENDPOINTS {
        router = router.route(endpoint.path(), endpoint.route());
    }
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        // Operators are told what clients of the service are not.
        .layer(axum::middleware::map_response(async |response| {
            in_full(response)
        }))
        .with_state(handle)
}

async fn nothing_here(uri: Uri) -> Error {
    let message = format!("there is no management endpoint at `{}`", uri.path());
    Error::new(code::NOT_FOUND, message).with_help("`GET /` lists those that there are")
}

async fn wrong_method(method: http::Method, uri: Uri) -> Error {
    let message = format!("`{}` does not take `{method}`", uri.path());
    Error::new(code::METHOD_NOT_ALLOWED, message)
        .with_help("the header `Allow` lists what it takes")
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    door: Door,
    ended: CancellationToken,
) {
    _ = stream.set_nodelay(true);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(answer(router, request.map(Body::new), door, peer).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(16 << 10);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        outcome = connection => if let Err(error) = outcome {
            tracing::debug!(%peer, %error, "management connection ended with an error");
        },
        () = ended.cancelled() => {}
    }
}

/// Answers a request. One that may change something is answered on a task of its own: it goes on, and is logged, if
/// the client does not wait for the answer.
async fn answer(router: Router, request: Request, door: Door, peer: SocketAddr) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_safe = guard::is_safe(&method);
    let work = async move {
        let answer = catch_async(guarded(router, request, door)).await;
        let response = answer.unwrap_or_else(|panic| {
            // The JSON Schema of a plugin's configuration is the plugin's own code.
            let error = Error::new(code::PANIC, format!("panicked: {}", panic.text));
            problem(match panic.place {
                Some(place) => error.from_origin(place),
                None => error,
            })
        });
        let status = response.status().as_u16();
        if let Some(error) = failure_of(&response) {
            let told = error.line();
            tracing::error!(%peer, %method, path, status, error = %told, "management request failed");
        }
        if !is_safe {
            // Without query and body: there may be a secret in them. Not in a span: not every format of logs shows those.
            tracing::info!(%peer, %method, path, status, "management request");
        }
        response
    };
    let mut response = match is_safe {
        true => work.await,
        false => tokio::spawn(work)
            .await
            .unwrap_or_else(|error| problem(error.into())),
    };
    // What is said here is for the one who asked, as it is now.
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    response
}

async fn guarded(router: Router, request: Request, door: Door) -> Response {
    let passed = match door {
        Door::Management => guard::check(request).await,
        Door::Metrics => Ok(request),
    };
    match passed {
        Ok(request) => match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(error) => problem(error),
    }
}
