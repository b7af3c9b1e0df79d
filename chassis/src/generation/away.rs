//! What stands in the place of instances that are stopped although the generation still serves: a reload builds them anew, and
//! they hold something that can't be there twice.

use super::Parts;
use crate::{
    call::BoxFuture,
    contributions::{Contribution, being_replaced},
    event::Subscription,
    gate::Door,
    http::{Endpoint, Exchange, Mount, Response, RouteContribution, RoutePattern, problem},
    instance::{Instance, Record},
    points,
};
use axum::Router;
use std::sync::Arc;

/// What is known of an instance that is away. It holds nothing of the plugin itself.
pub(crate) struct Away {
    pub(super) record: Arc<Record>,
    routes: Vec<RouteContribution>,
    pages: Vec<RouteContribution>,
    has_mounts: bool,
    /// What it subscribes to: these wait.
    pub(super) subscriptions: Vec<Contribution>,
    /// Where its middleware stands; none is everywhere. Without it nobody is let through.
    hooks: Vec<Option<RoutePattern>>,
    /// What decided what callers may do: it fails now.
    pub(super) guards: Vec<Contribution>,
    /// What it leaves open for everybody stays so.
    pub(super) open_routes: Vec<RoutePattern>,
}

impl Away {
    pub(crate) fn of(instance: &Instance) -> Self {
        let contributions = &instance.contributions;
        let endpoint: Arc<dyn Endpoint> = Arc::new(Gone(Arc::clone(instance.name())));
        let stand_in = |route: &RouteContribution| RouteContribution {
            endpoint: Arc::clone(&endpoint),
            ..route.clone()
        };
        let middleware = [
            points::PRE_REQUEST.name,
            points::POST_RESPONSE.name,
            points::AROUND.name,
            points::LAYERS.name,
        ];
        let hooks = contributions.handlers.iter();
        let hooks = hooks.filter(|put| middleware.contains(&&*put.point) && !put.skip_on_failure);
        let events = contributions.handlers.iter();
        let events = events.filter(|put| *put.point == *points::EVENTS.name);
        Self {
            record: Arc::clone(&instance.record),
            routes: contributions.routes.iter().map(stand_in).collect(),
            pages: contributions.pages.iter().map(stand_in).collect(),
            has_mounts: !contributions.mounts.is_empty(),
            subscriptions: events.filter_map(waiting).collect(),
            hooks: hooks.map(|put| put.routes.clone()).collect(),
            guards: contributions.failing_guards(),
            open_routes: contributions.open_routes.clone(),
        }
    }

    pub(super) fn pages(&self) -> impl Iterator<Item = RouteContribution> {
        self.pages.iter().cloned()
    }

    /// Whether requests to a route would pass it.
    fn is_before(&self, route: &RouteContribution) -> bool {
        let mut hooks = self.hooks.iter();
        let is_hooked = hooks.any(|hook| match hook {
            Some(pattern) => pattern.is_route(&route.info.method, &route.info.path),
            None => true,
        });
        !route.is_bare && is_hooked
    }
}

/// A subscription whose events wait in their queue.
fn waiting(put: &Contribution) -> Option<Contribution> {
    let subscription = put.handler.downcast_ref::<Subscription>()?;
    Some(put.stand_in(Arc::new(subscription.waiting())))
}

/// Puts answers of 503 in the place of all that those who are away would answer, or let through.
pub(super) fn stand_in(
    parts: &Parts<'_>,
    door: &Door,
    routes: &mut Vec<RouteContribution>,
    mounts: &mut Vec<Mount>,
) {
    for away in &parts.away {
        for route in routes.iter_mut().filter(|route| away.is_before(route)) {
            route.endpoint = Arc::new(Gone(Arc::clone(&away.record.name)));
        }
        routes.extend(away.routes.iter().map(|route| RouteContribution {
            gate: door.before(&route.info),
            ..route.clone()
        }));
        let is_everywhere = away.hooks.iter().any(Option::is_none);
        if is_everywhere {
            mounts.clear();
        }
        // Which paths its routers answer at nobody knows. Where another router has an answer to all, that one answers.
        if is_everywhere || away.has_mounts && mounts.is_empty() {
            mounts.push(Mount::here(
                Arc::clone(&away.record.name),
                everything(&away.record.name),
            ));
        }
    }
}

fn everything(plugin: &Arc<str>) -> Router {
    let plugin = Arc::clone(plugin);
    Router::new().fallback(move || std::future::ready(answer(&plugin)))
}

/// The endpoint of somebody who is away.
struct Gone(Arc<str>);

impl Endpoint for Gone {
    fn call<'a>(&'a self, _: &mut Exchange) -> BoxFuture<'a, Response> {
        Box::pin(std::future::ready(answer(&self.0)))
    }
}

fn answer(plugin: &Arc<str>) -> Response {
    problem(being_replaced(plugin))
}
