//! The management endpoints: on a listener, a thread and a runtime of their own.

use self::index::ENDPOINTS;
use crate::{
    call::catch_async,
    credentials::Holder,
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::{Request, Response, failure_of, in_full, problem},
};
use axum::{Extension, Router, extract::FromRef, routing::any};
use http::{HeaderValue, Uri, header};
use std::{net::SocketAddr, sync::Arc};
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
mod operations;
mod change;
mod services;
mod loggers;
mod pages;
mod body;
mod listener;
mod guard;

use guard::Guard;
pub(crate) use listener::Listener;
use operations::Operations;

/// Who may ask.
#[derive(Clone)]
enum Door {
    /// Operators, and no page in a browser.
    Management(Arc<Guard>),
    /// Whoever reaches the address; nothing can be changed there.
    Metrics,
}

/// Who asks.
#[derive(Clone, Copy)]
struct Peer(SocketAddr);

fn router(handle: ChassisHandle) -> Router {
    let mut router = Router::new();
    for endpoint in ENDPOINTS {
        router = router.route(endpoint.path(), endpoint.route());
    }
    router
        // In the index stand those that there are.
        .route("/plugins/{name}/pages", any(pages::page))
        .route("/plugins/{name}/pages/{*path}", any(pages::page))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        // Operators are told what clients of the service are not.
        .layer(axum::middleware::map_response(async |response| {
            in_full(response)
        }))
        .layer(Extension(pages::Slots::new()))
        .with_state(Endpoints {
            handle,
            operations: Operations::default(),
        })
}

/// What the endpoints act with.
#[derive(Clone)]
struct Endpoints {
    handle: ChassisHandle,
    operations: Operations,
}

impl FromRef<Endpoints> for ChassisHandle {
    fn from_ref(all: &Endpoints) -> Self {
        all.handle.clone()
    }
}

impl FromRef<Endpoints> for Operations {
    fn from_ref(all: &Endpoints) -> Self {
        all.operations.clone()
    }
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

/// Answers a request. One that may change something is answered on a task of its own: it goes on, and is logged, if
/// the client does not wait for the answer.
async fn answer(router: Router, mut request: Request, door: Door, peer: SocketAddr) -> Response {
    request.extensions_mut().insert(Peer(peer));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_safe = guard::is_safe(&method);
    let work = async move {
        let (who, answer) = match let_in(&door, &request) {
            Ok(who) => (who, catch_async(guarded(router, request, &door)).await),
            Err(error) if error.code() == code::UNAUTHORIZED => {
                tell_of_stranger(&door, &error, peer, &method, &path);
                return challenge(error);
            }
            Err(error) => (None, Ok(problem(error))),
        };
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
            let who = who.map(tracing::field::display);
            tracing::info!(%peer, who, %method, path, status, "management request");
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

/// Whose request it is, if tokens are asked for.
fn let_in(door: &Door, request: &Request) -> Result<Option<Holder>> {
    match door {
        Door::Management(guard) => guard.let_in(request),
        Door::Metrics => Ok(None),
    }
}

/// Tells of somebody without a token, but not each time: it must not be a way to fill the log.
fn tell_of_stranger(
    door: &Door,
    error: &Error,
    peer: SocketAddr,
    method: &http::Method,
    path: &str,
) {
    if let Door::Management(guard) = door
        && let Some(times) = guard.refuse()
    {
        let told = error.message();
        tracing::warn!(%peer, %method, path, times, "management request refused: {told}");
    }
}

/// The answer to somebody without a token.
fn challenge(error: Error) -> Response {
    let mut response = problem(error);
    let bearer = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, bearer);
    response
}

async fn guarded(router: Router, request: Request, door: &Door) -> Response {
    let passed = match door {
        Door::Management(_) => guard::check(request).await,
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
