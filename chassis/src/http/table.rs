//! The route table of a generation: which handler, behind which chain, for which path and method.

use super::{
    chain::{Chain, Link},
    exchange::Exchange,
    gate::Gate,
    mount::{Mount, Mounted},
    params::Params,
    pattern::RoutePattern,
    route::{Endpoint, RouteContribution, RouteInfo, help_for},
    times::{RequestTime, Times},
};
use crate::{
    call::{Site, Stats, Ward},
    error::{Error, Result, code},
    metrics::{RouteMeter, Routes as Meters},
    text,
};
use http::{HeaderValue, Method, Uri};
use std::{cell::RefCell, collections::BTreeMap, fmt, sync::Arc};

/// How requests of one kind are handled.
pub(crate) struct Handling {
    /// The route; none for 404 and 405, and for what mounted routers answer.
    pub(crate) info: Option<Arc<RouteInfo>>,
    pub(crate) chain: Arc<Chain>,
    pub(super) target: Target,
    /// What stands before it, if it is not for everybody.
    pub(super) gate: Option<Arc<dyn Gate>>,
    /// Where its requests are counted.
    pub(super) meter: Arc<RouteMeter>,
    /// How long they may take, if it is a route that has a time of its own.
    pub(super) time: Option<Arc<RequestTime>>,
}

pub(super) enum Target {
    Endpoint {
        endpoint: Arc<dyn Endpoint>,
        site: Arc<Site>,
    },
    NotFound,
    MethodNotAllowed {
        allow: HeaderValue,
    },
}

/// What stands in metrics where a path would: for what mounted routers answer, and for what nobody does.
const MOUNTED: &str = "mounted";
const UNMATCHED: &str = "none";

/// All routes of a generation. It does not change.
pub(crate) struct RouteTable {
    paths: matchit::Router<Methods>,
    otherwise: Arc<Handling>,
    pub(crate) infos: Vec<Arc<RouteInfo>>,
    /// The calls of all mounted routers together: axum does not tell them apart.
    pub(crate) mounted: Arc<Stats>,
    /// Whose routers are mounted.
    pub(super) mounters: Vec<Arc<str>>,
    /// Where the requests of the generation are counted.
    pub(crate) meters: Vec<Arc<RouteMeter>>,
    /// How long requests may take, for those that no route has matched.
    pub(super) times: Times,
}

/// The handlers at one path.
struct Methods {
    by_method: Vec<(Method, Arc<Handling>)>,
    /// For any other method: 405, or a mounted router that may know more.
    otherwise: Arc<Handling>,
    names: Arc<[Box<str>]>,
}

impl RouteTable {
    /// A table without routes: everything is 404.
    pub(crate) fn empty() -> Self {
        let handling = Handling {
            info: None,
            chain: Arc::new(Chain::compile(&[], None)),
            target: Target::NotFound,
            gate: None,
            meter: RouteMeter::unseen(),
            time: None,
        };
        Self {
            paths: matchit::Router::new(),
            otherwise: Arc::new(handling),
            infos: Vec::new(),
            mounted: Arc::default(),
            mounters: Vec::new(),
            meters: Vec::new(),
            times: Times::default(),
        }
    }

    /// Builds the table.
    pub(crate) fn build(
        routes: &[RouteContribution],
        mounts: &[Mount],
        mounted_gate: Option<&Arc<dyn Gate>>,
        links: &[Link],
        times: &[Arc<RequestTime>],
        meters: &Meters,
        service: &Arc<Ward>,
    ) -> Result<Self> {
        let times = Times::new(times);
        let mounted = Mounted::merge(mounts, routes)?.map(Arc::new);
        let mounted_site = Site::new(Arc::clone(&service.plugin), "http.routes", None);
        let mounted_site = Arc::new(mounted_site.of(service));
        let unrouted = Arc::new(Chain::compile(links, None));
        // What the chassis answers itself, no plugin is asked about.
        let bare = Arc::new(Chain::compile(&[], None));
        let kept = RefCell::new(Vec::new());
        let meter = |route: &str| {
            let meter = meters.meter(route);
            kept.borrow_mut().push(Arc::clone(&meter));
            meter
        };
        let otherwise = |none: Target, route: &str| {
            let (target, route, gate) = match &mounted {
                Some(mounted) => {
                    let target = Target::Endpoint {
                        endpoint: Arc::clone(mounted) as _,
                        site: Arc::clone(&mounted_site),
                    };
                    (target, MOUNTED, mounted_gate.cloned())
                }
                None => (none, route, None),
            };
            Arc::new(Handling {
                info: None,
                chain: Arc::clone(&unrouted),
                target,
                gate,
                meter: meter(route),
                time: None,
            })
        };

        // By path, so that the order in which plugins contribute does not matter.
        let mut by_path: BTreeMap<&str, Vec<&RouteContribution>> = BTreeMap::new();
        for route in routes {
            by_path.entry(&route.info.path).or_default().push(route);
        }
        let has_methods = links
            .iter()
            .filter_map(|link| link.routes.as_ref())
            .any(RoutePattern::has_method);
        let mut paths = matchit::Router::new();
        for (path, routes) in &by_path {
            let mut whole: Option<Arc<Chain>> = None;
            let mut chain_of = |route: &RouteContribution| match &whole {
                _ if route.is_bare => Arc::clone(&bare),
                Some(whole) if !has_methods => Arc::clone(whole),
                _ => Arc::clone(whole.insert(Arc::new(Chain::compile(links, Some(&route.info))))),
            };
            let mut by_method: Vec<(Method, Arc<Handling>)> = Vec::new();
            for route in routes {
                if let Some((_, other)) = by_method
                    .iter()
                    .find(|(method, _)| *method == route.info.method)
                {
                    return Err(claimed_twice(&route.info, other.info.as_deref()));
                }
                by_method.push((
                    route.info.method.clone(),
                    Arc::new(Handling {
                        info: Some(Arc::clone(&route.info)),
                        chain: chain_of(route),
                        target: Target::Endpoint {
                            endpoint: Arc::clone(&route.endpoint),
                            site: Arc::new(route.site()),
                        },
                        gate: route.gate.clone(),
                        meter: meter(path),
                        time: times.of_route(&route.info),
                    }),
                ));
            }
            let allow = allowed(&by_method);
            let methods = Methods {
                otherwise: otherwise(Target::MethodNotAllowed { allow }, path),
                by_method,
                names: names(path),
            };
            paths
                .insert(*path, methods)
                .map_err(|error| unroutable(path, routes, &by_path, &error))?;
        }
        let of_links = links.iter().filter_map(|link| link.routes.as_ref());
        let patterns = of_links.map(|pattern| ("middleware", pattern));
        // Of a time it is the path of the request that counts where a router is mounted.
        let of_times = times.patterns().filter(|_| mounts.is_empty());
        let of_times = of_times.map(|pattern| ("a time for requests", pattern));
        warn_of_patterns(patterns.chain(of_times), &by_path);
        let otherwise = otherwise(Target::NotFound, UNMATCHED);
        Ok(Self {
            mounters: mounts
                .iter()
                .map(|mount| Arc::clone(&mount.owner))
                .collect(),
            meters: kept.take(),
            times,
            mounted: Arc::clone(&mounted_site.stats),
            paths,
            otherwise,
            infos: by_path
                .values()
                .flatten()
                .map(|route| Arc::clone(&route.info))
                .collect(),
        })
    }

    /// How a request is handled, and the parameters in its path.
    pub(super) fn find(&self, method: &Method, uri: &Uri) -> (Arc<Handling>, Option<Params>) {
        let path = uri.path();
        let Ok(found) = self.paths.at(path) else {
            return (Arc::clone(&self.otherwise), None);
        };
        let methods = found.value;
        let by = |wanted: &Method| {
            methods
                .by_method
                .iter()
                .find(|(method, _)| method == wanted)
                .map(|(_, handling)| handling)
        };
        // The service sends the head only.
        let head = || {
            if method == Method::HEAD {
                by(&Method::GET)
            } else {
                None
            }
        };
        let Some(handling) = by(method).or_else(head) else {
            return (Arc::clone(&methods.otherwise), None);
        };
        let params = (!found.params.is_empty()).then(|| {
            let offset = |value: &str| value.as_ptr() as usize - path.as_ptr() as usize;
            let values = found.params.iter().map(|(_, value)| (offset(value), value));
            let whole = uri.path_and_query().cloned();
            let whole = whole.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
            Params::new(whole, Arc::clone(&methods.names), values)
        });
        (Arc::clone(handling), params)
    }
}

impl Exchange {
    /// The route that a request of another method would have here: what a preflight asks about. None where there would be 404 or
    /// 405, or a mounted router.
    pub fn route_for(&self, method: &Method) -> Option<Arc<RouteInfo>> {
        let (handling, _) = self.table.find(method, self.uri());
        handling.info.clone()
    }
}

impl fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteTable")
            .field("routes", &self.infos.len())
            .finish_non_exhaustive()
    }
}

/// The names of the parameters in a path, in their order.
fn names(path: &str) -> Arc<[Box<str>]> {
    // A doubled brace is a brace.
    let path = path.replace("{{", "").replace("}}", "");
    let inside = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    inside
        .map(|name| name.trim_start_matches('*').into())
        .collect()
}

/// A pattern that matches no route guards nothing. That may be meant (the plugin that has the routes is switched off), so
/// it is no error; but nobody should find out by accident.
fn warn_of_patterns<'p>(
    patterns: impl Iterator<Item = (&'static str, &'p RoutePattern)>,
    by_path: &BTreeMap<&str, Vec<&RouteContribution>>,
) {
    for (what, pattern) in patterns {
        if !by_path
            .values()
            .flatten()
            .any(|route| pattern.is_route(&route.info.method, &route.info.path))
        {
            let help = text::did_you_mean(pattern.path(), by_path.keys().copied());
            tracing::warn!(
                %pattern,
                help,
                "{what} is limited to routes that do not exist (those of mounted routers do not count)"
            );
        }
    }
}

fn allowed(by_method: &[(Method, Arc<Handling>)]) -> HeaderValue {
    let mut methods: Vec<&str> = by_method
        .iter()
        .map(|(method, _)| method.as_str())
        .collect();
    if methods.contains(&"GET") && !methods.contains(&"HEAD") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    HeaderValue::from_str(&methods.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn claimed_twice(one: &RouteInfo, other: Option<&RouteInfo>) -> Error {
    let RouteInfo {
        method,
        path,
        owner,
        origin,
        ..
    } = one;
    let mut claims = vec![format!("`{owner}` ({origin})")];
    claims.extend(other.map(|other| format!("`{}` ({})", other.owner, other.origin)));
    claims.sort_unstable();
    let owners = [one].into_iter().chain(other);
    let help = help_for(owners.map(|info| &*info.owner));
    let message = format!(
        "the route `{method} {path}` is claimed twice: by {}",
        claims.join(" and by ")
    );
    Error::new(code::ROUTE_CONFLICT, message)
        .in_plugin(Arc::clone(owner))
        .with_help(help)
}

fn unroutable(
    path: &str,
    routes: &[&RouteContribution],
    all: &BTreeMap<&str, Vec<&RouteContribution>>,
    error: &matchit::InsertError,
) -> Error {
    let claim = |route: &&RouteContribution| {
        format!(
            "`{}` of `{}` ({})",
            route.info.path, route.info.owner, route.info.origin
        )
    };
    let mine = routes.first().map(claim).unwrap_or_default();
    let result = match error {
        matchit::InsertError::Conflict { with } => {
            let other = all
                .get(&**with)
                .and_then(|routes| routes.first())
                .map(claim);
            let other = other.unwrap_or_else(|| format!("`{with}`"));
            let message = format!("{mine} and {other} would match the same paths");
            Error::new(code::ROUTE_CONFLICT, message)
                .with_help("give the parameters the same names; `{*rest}` can't stand where another path has a parameter")
        }
        error => Error::new(
            code::BAD_ROUTE,
            format!("{mine} is not the path of a route: {error}"),
        )
        .with_help("a parameter is a whole segment, `{name}`; `{*rest}` stands at the end"),
    };
    match routes.first() {
        Some(route) if path == &*route.info.path => result.in_plugin(Arc::clone(&route.info.owner)),
        _ => result,
    }
}
