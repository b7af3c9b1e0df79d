//! axum routers of services and plugins, mounted beneath the routes of the chassis.

use super::{
    Body, Exchange, Request, Response,
    problem::problem,
    route::{Endpoint, RouteContribution, help_for},
};
use crate::{
    call::BoxFuture,
    error::{Error, Result, code},
};
use axum::{Router, extract::ConnectInfo, routing::MethodFilter};
use http::{StatusCode, header};
use http_body::Body as _;
use std::{
    panic::{AssertUnwindSafe, Location, catch_unwind},
    sync::Arc,
};
use tower::ServiceExt as _;

/// A router as an instance (or the service itself) contributes it.
#[derive(Clone)]
pub(crate) struct Mount {
    pub(crate) owner: Arc<str>,
    /// Where it was mounted.
    pub(crate) origin: Arc<str>,
    pub(crate) router: Router,
    /// What it says of itself: OpenAPI 3.1.
    pub(crate) document: Option<Arc<serde_json::Value>>,
}

impl Mount {
    /// A router that is mounted at the place in the source where this is called.
    #[track_caller]
    pub(crate) fn here(owner: Arc<str>, router: Router) -> Self {
        let place = Location::caller();
        Self {
            owner,
            origin: format!("{}:{}", place.file(), place.line()).into(),
            router,
            document: None,
        }
    }

    /// Adds what it says of itself.
    pub(crate) fn described(self, document: serde_json::Value) -> Self {
        Self {
            document: Some(Arc::new(document)),
            ..self
        }
    }
}

/// Whether one of the routers answers at this route.
pub(crate) fn has_route(mounts: &[Mount], route: &RouteContribution) -> bool {
    let clashes = |mount: &Mount| merge(mount.router.clone(), dummy(route)).is_err();
    mounts.iter().any(clashes)
}

/// All mounted routers, as one.
pub(crate) struct Mounted(Router);

impl Mounted {
    /// Merges the routers. The routes of the chassis are in there too, as dummies: so that axum finds conflicts with
    /// them, and lists their methods in `Allow`.
    pub(super) fn merge(mounts: &[Mount], routes: &[RouteContribution]) -> Result<Option<Self>> {
        if mounts.is_empty() {
            return Ok(None);
        }
        let mut all = Router::new();
        for route in routes {
            all = merge(all, dummy(route))
                .map_err(|said| clash(mounts, routes, &route.info.owner, &said))?;
        }
        for mount in mounts {
            all = merge(all, mount.router.clone())
                .map_err(|said| clash(mounts, routes, &mount.owner, &said))?;
        }
        Ok(Some(Self(all)))
    }

    async fn answer(&self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let response = match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        explained(response, &path)
    }
}

impl Endpoint for Mounted {
    fn call<'a>(&'a self, exchange: &mut Exchange) -> BoxFuture<'a, Response> {
        let mut request = exchange.take_request();
        // Handlers of axum apps ask for it; `axum::serve` gives it in this way too.
        let peer = ConnectInfo(exchange.cx.arrived.peer);
        request.extensions_mut().insert(peer);
        Box::pin(self.answer(request))
    }
}

/// axum's own 404 and 405 have no body; every answer of the chassis says what is wrong.
fn explained(response: Response, path: &str) -> Response {
    let is_bare = response.body().size_hint().exact() == Some(0)
        && !response.headers().contains_key(header::CONTENT_TYPE);
    let error = match response.status() {
        StatusCode::NOT_FOUND if is_bare => {
            Error::new(code::NOT_FOUND, format!("there is nothing at `{path}`"))
        }
        StatusCode::METHOD_NOT_ALLOWED if is_bare => Error::new(
            code::METHOD_NOT_ALLOWED,
            format!("`{path}` does not take this method"),
        ),
        _ => return response,
    };
    let (mut head, _) = response.into_parts();
    let (explained, body) = problem(error).into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(explained.headers);
    Response::from_parts(head, body)
}

fn dummy(route: &RouteContribution) -> Router {
    let method = MethodFilter::try_from(route.info.method.clone()).unwrap_or(MethodFilter::GET);
    let never = async || (StatusCode::NOT_FOUND, Body::empty());
    Router::new().route(&route.info.path, axum::routing::on(method, never))
}

/// axum tells of a conflict by a panic, and of the rest not at all: it lists no routes.
fn merge(all: Router, one: Router) -> Result<Router, String> {
    quietly(|| catch_unwind(AssertUnwindSafe(|| all.merge(one))))
        .map_err(|panic| crate::call::panic_text(&*panic).to_owned())
}

thread_local! {
    static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs something whose panics are answers, not accidents; the panic hook of `chassis::main` asks [`is_quiet`].
fn quietly<R>(run: impl FnOnce() -> R) -> R {
    QUIET.set(true);
    let result = run();
    QUIET.set(false);
    result
}

pub(crate) fn is_quiet() -> bool {
    QUIET.get()
}

/// Finds the other owner by trying the pairs.
fn clash(mounts: &[Mount], routes: &[RouteContribution], owner: &Arc<str>, said: &str) -> Error {
    let pieces = || {
        let routes = routes
            .iter()
            .map(|route| (&route.info.owner, &route.info.origin, dummy(route)));
        let routers = mounts
            .iter()
            .map(|mount| (&mount.owner, &mount.origin, mount.router.clone()));
        routes.chain(routers)
    };
    // Not by their owners: one may have claimed a route twice itself.
    let all: Vec<_> = pieces().collect();
    let clashing = all.iter().enumerate().find_map(|(index, (_, _, one))| {
        let mut rest = all[index + 1..].iter();
        let other = rest.find(|(_, _, other)| merge(one.clone(), other.clone()).is_err())?;
        Some([&all[index], other])
    });
    let both = clashing.iter().flatten();
    let help = help_for(both.map(|(owner, ..)| &***owner));
    let owners = match clashing {
        Some(both) => {
            let claim = |(owner, origin, _): &(&Arc<str>, &Arc<str>, Router)| {
                format!("`{owner}` ({origin})")
            };
            let mut both = both.map(claim);
            both.sort_unstable();
            both.join(" and by ")
        }
        None => format!("`{owner}`"),
    };
    Error::new(
        code::ROUTE_CONFLICT,
        format!("a route is claimed twice, by {owners}: {said}"),
    )
    .in_plugin(Arc::clone(owner))
    .at("http.routes")
    .with_help(help)
}
