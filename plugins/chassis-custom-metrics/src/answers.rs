//! Where answers are looked at: on the way out, at the routes that a metric is for.

use crate::config::MetricConfig;
use chassis::{RoutePattern, prelude::*};

/// Outside of what changes bodies, so that status, size and duration are those that the client sees.
const PRIORITY: i32 = 30;

/// Inside of what compresses bodies: what is compressed nobody can look into.
const INNER_PRIORITY: i32 = 50;

/// Who looks at the answers of some routes.
#[derive(Clone)]
pub(crate) struct Watch {
    routes: Arc<[RoutePattern]>,
    priority: i32,
    look: Arc<dyn Fn(&mut Exchange) + Send + Sync>,
}

impl Watch {
    pub(crate) fn new(
        config: &MetricConfig,
        look: impl Fn(&mut Exchange) + Send + Sync + 'static,
    ) -> Self {
        Self {
            routes: config.routes.clone().into(),
            priority: match config.looks_into_json() {
                true => INNER_PRIORITY,
                false => PRIORITY,
            },
            look: Arc::new(look),
        }
    }

    fn is_of_all(&self) -> bool {
        self.routes.contains(&RoutePattern::all())
    }
}

/// Has answers looked at. Which routes a hook stands around is decided once for a generation, so the others do not pay for it.
pub(crate) fn watch(to: &mut Contributions, all: Vec<Watch>) {
    let (everywhere, some): (Vec<_>, Vec<_>) = all.into_iter().partition(Watch::is_of_all);
    for Watch { priority, look, .. } in everywhere {
        let look = move |exchange: &mut Exchange| look(exchange);
        to.filter(&points::POST_RESPONSE, look)
            .priority(priority)
            .skip_on_failure();
    }
    for one in &some {
        for (index, route) in one.routes.iter().enumerate() {
            let Watch {
                routes,
                priority,
                look,
            } = one.clone();
            let look = move |exchange: &mut Exchange| {
                // An answer is one value, however many patterns are for it.
                let is_seen = |route: &RoutePattern| route.is_for(exchange);
                if !routes[..index].iter().any(is_seen) {
                    look(exchange);
                }
            };
            let placed = to.filter(&points::POST_RESPONSE, look);
            placed
                .priority(priority)
                .routes(&route.to_string())
                .skip_on_failure();
        }
    }
    // Where no route has matched (404, 405, below a mounted router) the path decides.
    for priority in [PRIORITY, INNER_PRIORITY] {
        let some: Vec<Watch> = some
            .iter()
            .filter(|one| one.priority == priority)
            .cloned()
            .collect();
        if some.is_empty() {
            continue;
        }
        let look = move |exchange: &mut Exchange| {
            if exchange.route().is_some() {
                return;
            }
            for one in &some {
                if one.routes.iter().any(|route| route.is_for(exchange)) {
                    (one.look)(exchange);
                }
            }
        };
        to.filter(&points::POST_RESPONSE, look)
            .priority(priority)
            .skip_on_failure();
    }
}
