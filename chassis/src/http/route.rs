//! Routes: a method and a path, and what is called there.

use super::{Described, Exchange, Request, Response, gate::Gate};
use crate::{
    auth::{Public, Roles, Scopes},
    call::{Bounds, BoxFuture, Site, Stats, Ward},
    error::{Error, Result, code},
};
use axum::handler::Handler;
use http::Method;
use serde::Serialize;
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::Duration,
};

/// What is known of a route; hooks can ask for it before the handler runs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RouteInfo {
    /// The method.
    #[serde(serialize_with = "display")]
    pub method: Method,
    /// The path as it was declared: `/orders/{id}`.
    pub path: Arc<str>,
    /// The instance that the route belongs to.
    pub owner: Arc<str>,
    /// Where it was declared.
    pub origin: Arc<str>,
    /// What was attached to it.
    #[serde(skip)]
    pub metadata: Metadata,
}

impl RouteInfo {
    /// The scopes that a caller needs; none if the route is for everybody, an empty list if for everybody who is known.
    pub fn scopes(&self) -> Option<&[String]> {
        let Scopes(scopes) = self.metadata.get()?;
        Some(scopes)
    }

    /// What a caller has to be, one of these; none if the route does not ask for it.
    pub fn roles(&self) -> Option<&[String]> {
        let Roles(roles) = self.metadata.get()?;
        Some(roles)
    }

    /// Whether its author says that it is for everybody.
    pub fn is_public(&self) -> bool {
        self.metadata.get::<Public>().is_some()
    }

    /// Whether it is no plugin's, but the chassis's own; no plugin can have this name.
    pub(crate) fn is_own(&self) -> bool {
        &*self.owner == OWN
    }
}

/// Whose the routes of the chassis itself are.
pub(crate) const OWN: &str = "chassis";

/// What to do about a route that two claim.
pub(super) fn help_for<'a>(owners: impl IntoIterator<Item = &'a str>) -> &'static str {
    match owners.into_iter().any(|owner| owner == OWN) {
        true => "give it another path, or set `server.probes: false` to answer yourself",
        false => "give one of them another path, or disable one of the plugins",
    }
}

fn display<S: serde::Serializer>(value: &impl fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Values of any type that are attached to a route, for hooks to read: at most one of each type.
#[derive(Clone, Default)]
pub struct Metadata(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Metadata {
    /// The value of this type, if there is one.
    pub fn get<M: Send + Sync + 'static>(&self) -> Option<&M> {
        self.0.get(&TypeId::of::<M>())?.downcast_ref()
    }

    pub(crate) fn insert<M: Send + Sync + 'static>(&mut self, value: M) {
        self.0.insert(TypeId::of::<M>(), Arc::new(value));
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({})", self.0.len())
    }
}

/// What answers at a route.
///
/// It takes the request out of the exchange if it needs it: a handler without arguments costs none of that.
pub(crate) trait Endpoint: Send + Sync {
    fn call<'a>(&'a self, exchange: &mut Exchange) -> BoxFuture<'a, Response>;
}

/// A route as an instance contributes it.
#[derive(Clone)]
pub(crate) struct RouteContribution {
    pub(crate) info: Arc<RouteInfo>,
    pub(crate) endpoint: Arc<dyn Endpoint>,
    /// What stands before it, if it is not for everybody.
    pub(crate) gate: Option<Arc<dyn Gate>>,
    /// The method that answers; nothing of a closure.
    pub(crate) handler: &'static str,
    /// What its types say of it, for the document of the service.
    pub(crate) described: Option<Described>,
    /// Whether no hook stands before it.
    pub(crate) is_bare: bool,
    /// The names of the types that the handler takes.
    pub(crate) arguments: String,
    pub(crate) deadline: Option<Duration>,
    /// What the configuration says of it.
    pub(crate) bounds: Bounds,
    pub(crate) stats: Arc<Stats>,
    /// Whose it is, in the generation that it is put into.
    pub(crate) ward: Option<Arc<Ward>>,
}

impl RouteContribution {
    /// Where the calls of this route are guarded and counted.
    pub(crate) fn site(&self) -> Site {
        let RouteInfo {
            method,
            path,
            owner,
            ..
        } = &*self.info;
        let place = format!("{method} {path}");
        let site = Site::with(
            Arc::clone(owner),
            place,
            self.deadline,
            Arc::clone(&self.stats),
        )
        .within(self.bounds);
        match &self.ward {
            Some(ward) => site.of(ward),
            None => site,
        }
    }
}

/// A method of an instance: what `#[get]` becomes. The future borrows the instance.
pub(crate) struct MethodEndpoint<P> {
    pub(crate) this: Arc<P>,
    pub(crate) call: CallMethod<P>,
}

pub(crate) type CallMethod<P> = for<'a> fn(&'a Arc<P>, &mut Exchange) -> BoxFuture<'a, Response>;

impl<P: Send + Sync> Endpoint for MethodEndpoint<P> {
    fn call<'a>(&'a self, exchange: &mut Exchange) -> BoxFuture<'a, Response> {
        (self.call)(&self.this, exchange)
    }
}

/// Any handler that axum takes.
pub(crate) struct HandlerEndpoint<H, T> {
    pub(crate) handler: H,
    pub(crate) arguments: PhantomData<fn() -> T>,
}

impl<H: Handler<T, ()> + Sync, T: 'static> Endpoint for HandlerEndpoint<H, T> {
    fn call<'a>(&'a self, exchange: &mut Exchange) -> BoxFuture<'a, Response> {
        // What axum calls the arguments of a handler that has none.
        let request = if TypeId::of::<T>() == TypeId::of::<((),)>() {
            Request::default()
        } else {
            exchange.take_request()
        };
        let answer = self.handler.clone().call(request, ());
        // The future of a function is in a box already.
        let mut answer = Some(answer);
        match (&mut answer as &mut dyn Any).downcast_mut::<Option<BoxFuture<'static, Response>>>() {
            Some(boxed) => boxed.take(),
            None => answer
                .take()
                .map(|answer| Box::pin(answer) as BoxFuture<'a, Response>),
        }
        .unwrap_or_else(|| Box::pin(std::future::ready(Response::default())))
    }
}

/// Whether a path can be routed; the macros say the same at compile time.
pub(crate) fn check_path(path: &str) -> Result<()> {
    let wrong = |help: &str| {
        Err(Error::new(
            code::BAD_ROUTE,
            format!("`{path}` is not the path of a route"),
        )
        .with_help(help))
    };
    if !path.starts_with('/') {
        return wrong("a path begins with `/`");
    }
    let segment = |segment: &str| segment.starts_with([':', '*']);
    if path.split('/').any(segment) {
        return wrong("a parameter is written `{name}`, the rest of a path `{*name}`");
    }
    Ok(())
}

/// axum's own `Path` can't be filled outside axum's router. Its type is found by name here: no bound can refuse
/// it, and without this the first request would fail rather than the start.
pub(crate) fn check_arguments(path: &str, arguments: &str) -> Result<()> {
    let theirs = ["axum::extract::path::", "axum::extract::matched_path::"];
    if theirs.iter().any(|theirs| arguments.contains(theirs)) {
        let message = format!("the handler of `{path}` takes one of axum's own path extractors");
        return Err(Error::new(code::BAD_ROUTE, message).with_help(
            "take `chassis::Path`, `chassis::MatchedPath` or `chassis::RawPathParams`; they are in the prelude, and work in axum's routers too",
        ));
    }
    Ok(())
}
