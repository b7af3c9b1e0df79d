//! Builds a generation from its instances: every handler at its place, every route in the table.

use super::{
    Generation,
    away::{self, Away},
    door, exporters, middleware, openapi, orphans, pages, probes,
};
use crate::{
    call::{Bounds, Site, Stats, Ward},
    config::{Config, PluginSection},
    contributions::Contribution,
    error::{Error, Fix, Result, code},
    event::{Bus, LOCAL},
    graph::{Node, Order},
    http::{Mount, RouteContribution, RouteTable},
    instance::{Instance, Record},
    metrics::Metrics,
    point::{
        Contributed, DeclaredPoint, LinkedPoint, PointInfo, PointKind,
        order::{self, Wish},
    },
    points, text,
};
use std::{
    any::Any,
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, atomic::AtomicBool},
    time::SystemTime,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// What a generation is built from.
pub(crate) struct Parts<'a> {
    pub(crate) number: u64,
    pub(crate) config: Arc<Config>,
    pub(crate) linked: &'a [(Arc<PointInfo>, &'static LinkedPoint)],
    pub(crate) nodes: Vec<Node>,
    pub(crate) order: Order,
    pub(crate) records: Vec<Arc<Record>>,
    /// Those that are built, in order.
    pub(crate) instances: Vec<Arc<Instance>>,
    /// The routers of the service itself.
    pub(crate) routers: Vec<Mount>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) workers: Handle,
    /// Where its requests are counted.
    pub(crate) metrics: &'a Metrics,
    /// Cancelled once it serves.
    pub(crate) serves: CancellationToken,
    /// Cancelled once the service begins to stop.
    pub(crate) closing: CancellationToken,
    /// Those that are about to stop although it serves.
    pub(crate) away: Vec<Away>,
}

/// A point, with what stands at it: what `GET /extension-points` shows.
pub(crate) struct PointEntry {
    /// Shared: with its schema it is larger than all that stands there.
    pub(crate) info: Arc<PointInfo>,
    pub(crate) handlers: Vec<HandlerEntry>,
}

pub(crate) struct HandlerEntry {
    pub(crate) plugin: Arc<str>,
    pub(crate) label: Arc<str>,
    pub(crate) origin: Arc<str>,
    pub(crate) priority: i32,
    pub(crate) why: String,
    pub(crate) stats: Arc<Stats>,
}

/// A contribution with what the configuration says about it.
pub(super) struct Put<'a> {
    pub(super) contribution: &'a Contribution,
    pub(super) wish: Wish,
    /// The number of its instance in the generation.
    pub(super) owner: u32,
    bounds: Bounds,
    record: &'a Record,
    gone: Arc<AtomicBool>,
}

impl Put<'_> {
    pub(super) fn site(&self) -> Site {
        let Contribution {
            point,
            deadline,
            stats,
            ..
        } = self.contribution;
        Site {
            gone: Arc::clone(&self.gone),
            ..Site::with(
                Arc::clone(&self.wish.plugin),
                Arc::clone(point),
                *deadline,
                Arc::clone(stats),
            )
            .within(self.bounds)
            .of(&self.record.ward)
        }
    }

    /// Refuses what was said of it and nobody would obey, whatever the point.
    pub(super) fn check(&self) -> Result<()> {
        if self.contribution.is_sync && self.contribution.deadline.is_some() {
            return Err(self.meaningless(
                "a handler that does not await can't be cut off, so it has no deadline",
            ));
        }
        Ok(())
    }

    /// Something was said of it that nobody would obey.
    pub(super) fn meaningless(&self, why: &str) -> Error {
        let message = format!("at `{}`: {why}", self.contribution.point);
        Error::new(code::POINT_MISMATCH, message)
            .in_plugin(Arc::clone(&self.wish.plugin))
            .from_origin(Arc::clone(&self.contribution.origin))
    }

    pub(super) fn report(&self, why: String) -> HandlerEntry {
        let Contribution {
            label,
            origin,
            stats,
            ..
        } = self.contribution;
        HandlerEntry {
            plugin: Arc::clone(&self.wish.plugin),
            label: Arc::clone(label),
            origin: Arc::clone(origin),
            priority: self.wish.priority,
            why,
            stats: Arc::clone(stats),
        }
    }
}

/// Builds a generation, and the signal that comes when nobody holds it any more. All errors are gathered.
pub(crate) fn generation(parts: Parts<'_>) -> Result<(Arc<Generation>, CancellationToken)> {
    let mut errors = Vec::new();
    let mut declared: Declared<'_> = BTreeMap::new();
    for (info, linked) in parts.linked {
        declared.insert(Arc::clone(&info.name), (Arc::clone(info), linked.point));
    }
    for point in parts
        .instances
        .iter()
        .flat_map(|instance| &instance.contributions.points)
    {
        let info = point.info();
        if let Some((other, _)) = declared.get(&info.name) {
            errors.push(points::declared_twice(other, &info));
        } else {
            declared.insert(Arc::clone(&info.name), (Arc::new(info), point));
        }
    }

    let mut by_point = group(&parts, &declared, &mut errors);
    let chain = middleware::chain(&mut by_point);
    let (links, mut reports) = chain.unwrap_or_else(|error| {
        errors.push(error);
        Default::default()
    });

    let mut named = HashMap::new();
    let linked: HashMap<&str, usize> = parts
        .linked
        .iter()
        .enumerate()
        .map(|(index, (info, _))| (&*info.name, index))
        .collect();
    let mut table: Vec<Box<dyn Any + Send + Sync>> = Vec::new();
    table.resize_with(linked.len(), || Box::new(()));
    let mut points = Vec::new();
    for (name, (info, point)) in &declared {
        let puts = by_point.remove(name).unwrap_or_default();
        let report = match reports.remove(name) {
            Some(report) => Ok((point.assemble(Vec::new()), report)),
            None => at_point(name, &puts, *point),
        };
        match report {
            Ok((Ok(handlers), report)) => {
                points.push(PointEntry {
                    info: Arc::clone(info),
                    handlers: report,
                });
                match linked.get(&**name) {
                    Some(&index) => table[index] = handlers,
                    None => _ = named.insert(Arc::clone(name), handlers),
                }
            }
            Ok((Err(error), _)) | Err(error) => errors.push(error),
        }
    }

    errors.extend(no_transport(&parts.config, &points));

    let door = &door::of(&parts);
    let mut routes = probes::routes(&parts);
    let of_plugins = parts.instances.iter().flat_map(|instance| {
        let bounds = bounds(&parts.config.sections().get(instance.name()));
        let routes = instance.contributions.routes.iter().cloned();
        let ward = &instance.record.ward;
        routes.map(move |route| RouteContribution {
            bounds,
            gate: door.before(&route.info),
            ward: Some(Arc::clone(ward)),
            ..route
        })
    });
    routes.extend(of_plugins);
    let mut mounts: Vec<Mount> = parts
        .instances
        .iter()
        .flat_map(|instance| instance.contributions.mounts.iter().cloned())
        .collect();
    mounts.extend(parts.routers.iter().cloned());
    away::stand_in(&parts, door, &mut routes, &mut mounts);
    match openapi::route(&parts, door, &routes, &mounts) {
        Ok(route) => routes.extend(route.map(|route| RouteContribution {
            gate: door.before(&route.info),
            ..route
        })),
        Err(error) => errors.push(error),
    }
    door.warn_of_unmatched(&routes);
    // Nobody in particular answers below the mounted routers: the service does.
    let service = Ward::new(&parts.metrics.stalls, "service".into());
    let meters = &parts.metrics.routes;
    let pages = pages::table(&parts, &service).unwrap_or_else(|error| {
        errors.push(error.at(points::PAGES.name));
        RouteTable::empty()
    });
    let gate = door.before_mounted();
    let gate = gate.as_ref();
    let times = parts.instances.iter();
    let times = times.flat_map(|instance| instance.contributions.times.iter().cloned());
    let times: Vec<_> = times.collect();
    let built = RouteTable::build(&routes, &mounts, gate, &links, &times, meters, &service);
    let routes = match built {
        Ok(routes) => Arc::new(routes),
        Err(error) => {
            errors.push(error.at(points::ROUTES.name));
            return Err(Error::all(errors).unwrap_or_else(|| Error::msg("no error")));
        }
    };
    Error::all(errors).map_or(Ok(()), Err)?;

    let visible = exporters::visible(&parts.nodes, &parts.order, &parts.instances);
    let gone = CancellationToken::new();
    let generation = Generation {
        number: parts.number,
        created: SystemTime::now(),
        config: parts.config,
        nodes: parts.nodes,
        order: parts.order,
        records: parts.records,
        instances: parts.instances,
        routers: parts.routers,
        routes,
        pages: Arc::new(pages),
        points,
        table,
        named,
        visible,
        bus: parts.bus,
        workers: parts.workers,
        serves: parts.serves,
        gone: gone.clone(),
    };
    Ok((Arc::new(generation), gone))
}

/// The transport of events that was chosen, and is not there.
fn no_transport(config: &Config, points: &[PointEntry]) -> Option<Error> {
    let chosen = &config.settings().events.transport;
    let of_point = points
        .iter()
        .find(|point| *point.info.name == *points::EVENTS_TRANSPORT.name);
    let there: Vec<&str> = of_point
        .into_iter()
        .flat_map(|point| point.handlers.iter().map(|handler| &*handler.plugin))
        .collect();
    if chosen == LOCAL || there.contains(&&**chosen) {
        return None;
    }
    let message =
        format!("`events.transport`: no plugin `{chosen}` runs that brings a transport of events");
    let help = match &there[..] {
        [] => "link and enable one, or set it to `local`".to_owned(),
        there => format!(
            "set it to {} or `local`",
            text::quoted(there.iter().copied())
        ),
    };
    let error = Error::new(code::CONFIG_INVALID, message).with_help(help);
    Some(match config.origin("events.transport") {
        Some(origin) => error.from_origin(origin.to_string()),
        None => error,
    })
}

/// The contributions of all instances by point, with the priorities of the configuration.
fn group<'a>(
    parts: &'a Parts<'_>,
    declared: &Declared<'_>,
    errors: &mut Vec<Error>,
) -> BTreeMap<Arc<str>, Vec<Put<'a>>> {
    let mut by_point: BTreeMap<Arc<str>, Vec<Put<'a>>> = BTreeMap::new();
    let alive: HashSet<&str> = parts.instances.iter().map(|one| &**one.name()).collect();
    let down = parts
        .nodes
        .iter()
        .map(|node| &*node.name)
        .filter(|name| !alive.contains(name));
    let down = text::quoted(down);
    let down = (!down.is_empty()).then_some(down);
    let built = parts.instances.iter();
    let built = built.map(|one| (&one.record, &one.contributions.handlers, None));
    let away = parts.away.iter().flat_map(|away| {
        let waiting = (&away.record, &away.subscriptions, None);
        // They are there until the next one is, though the instance has stopped.
        let guards = (&away.record, &away.guards, Some(Arc::default()));
        [waiting, guards]
    });
    for (owner, (record, handlers, gone)) in (0..).zip(built.chain(away)) {
        let gone = gone.unwrap_or_else(|| Arc::clone(&record.gone));
        let section: PluginSection = parts.config.sections().get(&record.name);
        for point in section.points.keys() {
            if !declared.contains_key(&**point) {
                let error = unmet(point, declared).in_plugin(Arc::clone(&record.name));
                errors.push(error.from_origin(section.place_of(point).to_string()));
            }
        }
        for contribution in handlers {
            if !declared.contains_key(&contribution.point) {
                if let Some(down) = &down {
                    // Perhaps it is one of these that declares the point: no reason to take the service down.
                    tracing::warn!(
                        plugin = %record.name, point = %contribution.point,
                        "contributes to a point that is not there; {down} might declare it, and do not run"
                    );
                    continue;
                }
                let error = unknown(&contribution.point, declared);
                let error = error.from_origin(Arc::clone(&contribution.origin));
                errors.push(error.in_plugin(Arc::clone(&record.name)));
                continue;
            }
            let mut wish = contribution.wish.clone();
            let at_point = section.points.get(&*contribution.point);
            let priority = at_point.and_then(|point| point.priority);
            if let Some(priority) = priority.or(section.priority) {
                wish.priority = priority;
            }
            let mut bounds = bounds(&section);
            if contribution.is_sync {
                // What does not await can't be cut off, and is under way once for each thread.
                bounds = Bounds::default();
            }
            if let Some(deadline) = at_point.and_then(|point| point.deadline) {
                if contribution.is_sync {
                    let path = format!(
                        "plugins.{}.points.\"{}\".deadline",
                        section.name, contribution.point
                    );
                    let message =
                        format!("`{path}`: a handler there does not await, so it can't be cut off");
                    let error = Error::new(code::CONFIG_INVALID, message).with_help("remove it");
                    let place = section.place_of(&contribution.point);
                    errors.push(
                        error
                            .in_plugin(Arc::clone(&record.name))
                            .from_origin(place.to_string()),
                    );
                }
                bounds.deadline = Some(deadline);
            }
            let put = Put {
                contribution,
                wish,
                bounds,
                owner,
                record,
                gone: Arc::clone(&gone),
            };
            by_point
                .entry(Arc::clone(&contribution.point))
                .or_default()
                .push(put);
        }
    }
    let is_down =
        |name: &str| parts.nodes.iter().any(|node| &*node.name == name) && !alive.contains(name);
    let is_away = |name: &str| parts.away.iter().any(|away| &*away.record.name == name);
    for (point, puts) in &mut by_point {
        let is_sealed = declared.get(point).is_some_and(|(info, _)| info.sealed);
        // Whoever guards is not left out because of somebody else, and nobody is for one who will be back.
        let is_needed = |name: &str| !is_sealed && !is_away(name);
        orphans::drop_from(point, puts, &is_down, &is_needed);
    }
    by_point
}

/// What a section says of the calls of the handlers.
pub(super) fn bounds(section: &PluginSection) -> Bounds {
    Bounds {
        deadline: section.deadlines.call,
        in_flight: section.limits.in_flight,
    }
}

type Declared<'a> = BTreeMap<Arc<str>, (Arc<PointInfo>, &'a dyn DeclaredPoint)>;

/// For whoever wrote the code that contributes to it.
fn unknown(point: &str, declared: &Declared<'_>) -> Error {
    let near = text::did_you_mean(point, declared.keys().map(|name| &**name));
    let help = near.unwrap_or_else(|| {
        "put `#[extension_point]` on its static, or link the crate that declares it".to_owned()
    });
    not_there(point).with_help(help)
}

/// For whoever wrote the configuration that says something of it.
fn unmet(point: &str, declared: &Declared<'_>) -> Error {
    match text::nearest(point, declared.keys().map(|name| &**name))[..] {
        [] => not_there(point).with_help("remove it, or link the crate that declares it"),
        [only] => not_there(point)
            .with_help(format!("did you mean `{only}`?"))
            .with_fix(Fix::Rename {
                to: only.to_owned(),
            }),
        ref near => {
            let near = text::quoted(near.iter().copied());
            not_there(point).with_help(format!("did you mean {near}?"))
        }
    }
}

fn not_there(point: &str) -> Error {
    let message = format!("there is no extension point `{point}`");
    Error::new(code::UNKNOWN_POINT, message)
}

type AtPoint = (Result<Box<dyn Any + Send + Sync>>, Vec<HandlerEntry>);

fn at_point(name: &str, puts: &[Put<'_>], point: &dyn DeclaredPoint) -> Result<AtPoint> {
    let wishes: Vec<Wish> = puts.iter().map(|put| put.wish.clone()).collect();
    let places = order::arrange(name, &wishes)?;
    let contributed = |&index: &usize| {
        let put: &Put<'_> = &puts[index];
        if put.contribution.routes.is_some() || put.contribution.buffered.is_some() {
            return Err(put.meaningless("`routes` and `body` are for middleware"));
        }
        put.check()?;
        // By name the compiler can't tell, as it does of a static.
        if put.contribution.skip_on_failure && point.info().sealed {
            return Err(put.meaningless("the point is sealed: nothing at it may fail open"));
        }
        if put.contribution.skip_on_failure && point.info().kind != PointKind::Filter {
            return Err(
                put.meaningless("only at a filter point can a handler be skipped when it fails")
            );
        }
        Ok(Contributed {
            handler: Arc::clone(&put.contribution.handler),
            site: Arc::new(put.site()),
            skip_on_failure: put.contribution.skip_on_failure,
        })
    };
    let contributed = places
        .sequence
        .iter()
        .map(contributed)
        .collect::<Result<_>>()?;
    let reports = places
        .sequence
        .iter()
        .zip(places.why)
        .map(|(&index, why)| puts[index].report(why));
    Ok((point.assemble(contributed), reports.collect()))
}
