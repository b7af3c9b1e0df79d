//! What is told of plugins, points and the service, to people and programs outside.

use crate::{
    call::{CallStats, Stall},
    error::Result,
    generation::Generation,
    health::HealthState,
    http::RouteContribution,
    info::PluginInfo,
    instance::{Instance, LastError},
    points,
    reload::Reloader,
    status::PluginState,
    text,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::SystemTime,
};

mod service;
mod health;
mod metrics;
mod explain;
mod point;
mod known;

use self::known::Known;
pub(crate) use self::metrics::{of_plugin, of_plugins, page, snapshot};
pub use self::{
    explain::{Cause, Explanation, Standing, Tie},
    health::{CheckReport, HealthReport, Probe},
    metrics::MetricReport,
    point::{HandlerReport, PointReport},
    service::{Addresses, ServiceReport},
};

/// The roles that a plugin can have: read off what it contributes.
pub(crate) const ROLES: &[&str] = &[
    "service",
    "middleware",
    "event",
    "health",
    "metrics",
    "extension",
];

/// Everything that is known of an instance.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PluginReport {
    /// The name of the instance.
    pub name: Arc<str>,
    /// The plugin that it is an instance of.
    pub plugin: Arc<str>,
    /// The version of the plugin.
    pub version: String,
    /// What it does.
    pub description: String,
    /// Where it is in its life.
    pub state: PluginState,
    /// When it came into this state, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    pub since: SystemTime,
    /// What it takes part in: `service`, `middleware`, .. read off what it contributes.
    pub roles: Vec<&'static str>,
    /// The plugins and capabilities that it requires.
    pub dependencies: Vec<String>,
    /// Its place in the order of all plugins, from 1.
    pub order: Option<usize>,
    /// The generation that it is part of; none before the first serves.
    pub generation: Option<u64>,
    /// Whether the service can't run without it.
    pub required: bool,
    /// The worst that its health checks say; none if it has none.
    pub health: Option<HealthState>,
    /// Words to find it by: those of the plugin, and those of its section.
    pub tags: Vec<String>,
    reason: Option<String>,
    last_error: Option<LastError>,
    init_ms: Option<f64>,
    start_ms: Option<f64>,
    /// Everything that was known of the plugin before it was built.
    pub info: Arc<PluginInfo>,
    /// What it has put where.
    pub contributions: Vec<ContributionReport>,
    /// The points that it has declared at run time.
    pub declares: Vec<Arc<str>>,
    /// What it holds and can't be there twice; while a reload replaces it, it is stopped first.
    pub holds: BTreeSet<String>,
    /// How many tasks it runs.
    pub tasks: usize,
    /// Calls that block their thread.
    pub stalls: Vec<Stall>,
    /// The JSON Schema of what may stand under `config:` in its section.
    pub config_schema: Option<serde_json::Value>,
}

/// What `GET /plugins/status` says of an instance: a [`PluginReport`] at a glance.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PluginStatus {
    /// Where it is in its life.
    pub state: PluginState,
    /// The version of the plugin.
    pub version: String,
    /// What it does.
    pub description: String,
    /// The plugins and capabilities that it requires.
    pub dependencies: Vec<String>,
    /// When it came into this state, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    pub since: SystemTime,
    /// What it takes part in.
    pub roles: Vec<&'static str>,
    /// Its place in the order of all plugins, from 1.
    pub order: Option<usize>,
    /// Whether the service can't run without it.
    pub required: bool,
    /// The worst that its health checks say; none if it has none.
    pub health: Option<HealthState>,
    /// Why it is in its state, if there is something to say.
    pub reason: Option<String>,
}

/// What an instance has put at one place.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ContributionReport {
    /// The extension point.
    pub point: Arc<str>,
    /// The method, closure or route.
    pub handler: Arc<str>,
    /// Where it is written.
    pub origin: Arc<str>,
    /// Its figures.
    #[serde(flatten)]
    pub stats: CallStats,
}

impl PluginReport {
    /// All instances, in plugin order.
    pub(crate) fn all(reloader: &Reloader) -> Vec<Self> {
        let known = Known::of(reloader);
        let mut reports: Vec<Self> = (0..known.records.len())
            .map(|index| Self::of(reloader, &known, index))
            .collect();
        let key = |report: &Self| {
            (
                report.order.is_none(),
                report.order,
                Arc::clone(&report.name),
            )
        };
        reports.sort_by_key(key);
        reports
    }

    pub(crate) fn one(reloader: &Reloader, name: &str) -> Result<Self> {
        let known = Known::of(reloader);
        Ok(Self::of(reloader, &known, known.find(name)?))
    }

    fn of(reloader: &Reloader, known: &Known, index: usize) -> Self {
        let record = &known.records[index];
        let generation = known.generation();
        let instance = generation.and_then(|generation| {
            generation
                .instances
                .iter()
                .find(|instance| Arc::ptr_eq(&instance.record, record))
        });
        let number = generation.map(|generation| generation.number);
        let declared = instance
            .iter()
            .flat_map(|instance| &instance.contributions.points);
        let (status, terms) = (record.status(), record.terms());
        let info = Arc::clone(&record.info);
        let registration = reloader.registry.get(&info.name);
        Self {
            name: Arc::clone(&record.name),
            plugin: Arc::clone(&info.name),
            version: info.version.to_string(),
            description: info.description.clone(),
            state: status.state,
            since: status.since,
            roles: instance.map(|instance| roles(instance)).unwrap_or_default(),
            dependencies: info.requires.clone(),
            order: known.place(index),
            generation: number.filter(|_| instance.is_some()),
            required: record.is_required_on(&terms),
            health: record.health(),
            tags: info.tags.iter().chain(&terms.tags).cloned().collect(),
            reason: status.reason,
            last_error: status.last_error,
            init_ms: status.init_ms,
            start_ms: status.start_ms,
            contributions: generation
                .zip(instance)
                .map(|(generation, instance)| contributions(generation, instance))
                .unwrap_or_default(),
            declares: declared.map(|point| Arc::clone(&point.spec.name)).collect(),
            holds: record.holds.clone(),
            tasks: record.tasks.count(),
            stalls: record.ward.stalls(),
            config_schema: registration.map(|registration| (registration.schema)()),
            info,
        }
    }

    /// The same at a glance.
    pub fn status(&self) -> PluginStatus {
        PluginStatus {
            state: self.state,
            version: self.version.clone(),
            description: self.description.clone(),
            dependencies: self.dependencies.clone(),
            since: self.since,
            roles: self.roles.clone(),
            order: self.order,
            required: self.required,
            health: self.health,
            reason: self.reason.clone(),
        }
    }

    /// Why it is in its state, if there is something to say.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The last thing that went wrong in it.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_ref().map(|error| &*error.message)
    }

    /// How long `init` and `start` took, in milliseconds.
    pub fn took_ms(&self) -> (Option<f64>, Option<f64>) {
        (self.init_ms, self.start_ms)
    }
}

/// The roles of the field, read off what an instance contributes.
fn roles(instance: &Instance) -> Vec<&'static str> {
    let contributions = &instance.contributions;
    let middleware = [
        points::PRE_REQUEST.name,
        points::POST_RESPONSE.name,
        points::AROUND.name,
        points::LAYERS.name,
    ];
    let role = |point: &str| match point {
        point if middleware.contains(&point) => "middleware",
        point if point == points::EVENTS.name => "event",
        point if point == points::HEALTH_CHECK.name => "health",
        point if point == points::METRICS_COLLECT.name => "metrics",
        point if point == points::METRICS_EXPORT.name => "metrics",
        _ => "extension",
    };
    let at = |wanted: &str| {
        let mut handlers = contributions.handlers.iter();
        handlers.any(|handler| role(&handler.point) == wanted)
    };
    let routes = !contributions.routes.is_empty() || !contributions.mounts.is_empty();
    let has = [
        ("service", routes),
        (
            "middleware",
            at("middleware") || !contributions.times.is_empty(),
        ),
        ("event", at("event")),
        ("health", at("health")),
        ("metrics", at("metrics")),
        (
            "extension",
            at("extension") || !contributions.pages.is_empty(),
        ),
    ];
    has.into_iter()
        .filter(|(_, has)| *has)
        .map(|(role, _)| role)
        .collect()
}

/// Calls of mounted routers are counted together, whoever has mounted them: axum does not tell them apart.
fn contributions(generation: &Generation, instance: &Instance) -> Vec<ContributionReport> {
    let contributions = &instance.contributions;
    let handlers = contributions
        .handlers
        .iter()
        .map(|handler| ContributionReport {
            point: Arc::clone(&handler.point),
            handler: Arc::clone(&handler.label),
            origin: Arc::clone(&handler.origin),
            stats: handler.stats.read(),
        });
    let of_route = |point: &'static str| {
        move |route: &RouteContribution| ContributionReport {
            point: point.into(),
            handler: format!("{} {}", route.info.method, route.info.path).into(),
            origin: Arc::clone(&route.info.origin),
            stats: route.stats.read(),
        }
    };
    let routes = contributions.routes.iter();
    let routes = routes.map(of_route(points::ROUTES.name));
    let pages = contributions.pages.iter();
    let pages = pages.map(of_route(points::PAGES.name));
    let mounts = contributions.mounts.iter().map(|mount| ContributionReport {
        point: points::ROUTES.name.into(),
        handler: "axum router".into(),
        origin: Arc::clone(&mount.origin),
        stats: generation.routes.mounted.read(),
    });
    let times = contributions.times.iter();
    let times = times.map(|time| ContributionReport {
        point: points::ROUTES.name.into(),
        handler: format!("{} in {}", time.routes, text::show_duration(time.timeout)).into(),
        origin: Arc::clone(&time.setting),
        stats: CallStats {
            timeouts: time.expired.load(Relaxed),
            ..CallStats::default()
        },
    });
    let routes = routes.chain(mounts).chain(times);
    routes.chain(pages).chain(handlers).collect()
}
