//! What can still be said of a contribution once it is put.

use super::Contribution;
use crate::{
    auth::{Public, Roles, Scopes},
    http::{Described, Describing, RouteContribution},
    point::{MayFailOpen, Open},
};
use std::{marker::PhantomData, sync::Arc, time::Duration};

/// A contribution that was just put at a point: its place in the order, and its limits.
pub struct Placed<'t, S = Open> {
    pub(super) contribution: &'t mut Contribution,
    pub(super) marker: PhantomData<fn() -> S>,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "it is put already; what follows is by the way"
)]
impl<S> Placed<'_, S> {
    /// Lower comes first; the default is 0. For middleware the first sees the request first and the response last.
    pub fn priority(self, priority: i32) -> Self {
        self.contribution.wish.priority = priority;
        self
    }

    /// Comes after the contributions of that plugin, if it has any at this point.
    pub fn after(self, plugin: &str) -> Self {
        self.contribution.wish.after.push(plugin.into());
        self
    }

    /// Comes before the contributions of that plugin, if it has any at this point.
    pub fn before(self, plugin: &str) -> Self {
        self.contribution.wish.before.push(plugin.into());
        self
    }

    /// Comes after the contributions of that plugin, which must have one at this point.
    pub fn requires(self, plugin: &str) -> Self {
        self.contribution.wish.requires.push(plugin.into());
        self
    }

    /// How long one call of an asynchronous handler may take. Of a synchronous one it is an error at start: nothing could
    /// cut it off.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.contribution.deadline = Some(deadline);
        self
    }

    /// Limits middleware to routes: `/orders/{id}` is that route, `/orders/**` all below `/orders`, `POST /orders` has one
    /// method. Requests that match no route do not pass it. A pattern that is none
    /// fails the plugin: see [`RoutePattern`](crate::RoutePattern).
    pub fn routes(self, pattern: &str) -> Self {
        match pattern.parse() {
            Ok(routes) => self.contribution.routes = Some(routes),
            Err(wrong) => self.contribution.bad_routes = Some(wrong),
        }
        self
    }

    /// Has the body of the request read before a pre-request hook is called, up to this many bytes; a larger one
    /// is answered with 413.
    pub fn buffered(self, max: usize) -> Self {
        self.contribution.buffered = Some(max);
        self
    }
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "it is put already; what follows is by the way"
)]
impl<S: MayFailOpen> Placed<'_, S> {
    /// When this handler fails, go on as if it were not there; the value is as it left it. Logged and counted.
    pub fn skip_on_failure(self) -> Self {
        self.contribution.skip_on_failure = true;
        self
    }
}

/// What `on_failure = "skip"` becomes: a function, so that the bound is what the compiler complains about.
#[doc(hidden)]
pub fn skip_on_failure<S: MayFailOpen>(placed: Placed<'_, S>) -> Placed<'_, S> {
    placed.skip_on_failure()
}

impl<S> std::fmt::Debug for Placed<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Placed")
            .field(&self.contribution.point)
            .finish()
    }
}

/// A route that was just put.
pub struct PlacedRoute<'t> {
    pub(super) route: &'t mut RouteContribution,
}

impl std::fmt::Debug for PlacedRoute<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.route.info.fmt(f)
    }
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "it is put already; what follows is by the way"
)]
impl PlacedRoute<'_> {
    /// Attaches a value that hooks can read from [`RouteInfo::metadata`](crate::RouteInfo::metadata).
    pub fn with<M: Clone + Send + Sync + 'static>(self, value: M) -> Self {
        Arc::make_mut(&mut self.route.info).metadata.insert(value);
        self
    }

    /// Only callers who are known and have all of these scopes may call the handler; with none, all who are known: see
    /// [`points::AUTHENTICATE`](crate::points::AUTHENTICATE).
    pub fn scopes<T: Into<String>>(self, scopes: impl IntoIterator<Item = T>) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        self.with(Scopes(scopes))
    }

    /// Only callers who are known and have one of these roles may call the handler.
    pub fn roles<T: Into<String>>(self, roles: impl IntoIterator<Item = T>) -> Self {
        self.with(Roles::any(roles))
    }

    /// Everybody may call the handler, also where a plugin shuts all routes that do not say who may:
    /// [`Plugin::SHUTS_ROUTES`](crate::Plugin::SHUTS_ROUTES).
    pub fn public(self) -> Self {
        self.with(Public)
    }

    /// Tells the types that the handler takes, by their names: axum's own path extractors can't work here, and no bound
    /// can refuse them.
    #[doc(hidden)]
    pub fn arguments(self, types: &[&str]) -> Self {
        self.route.arguments = types.join(", ");
        self
    }

    /// Tells what a macro knows of the handler.
    #[doc(hidden)]
    pub fn described(
        self,
        text: &'static str,
        deprecated: bool,
        types: fn(&mut Describing<'_>),
    ) -> Self {
        self.route.described = Some(Described {
            text,
            deprecated,
            types,
        });
        self
    }

    /// How long the handler may take; the time of the request (`server.request_timeout`, or that of its route) holds as well.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.route.deadline = Some(deadline);
        self
    }
}
