//! The metrics of a service: what is counted anyway is read here, when somebody asks.

use super::known::Known;
use crate::{
    call::Outcomes,
    config::ServiceSettings,
    error::Result,
    metrics::{
        Answered, Distribution, Family, MetricsSnapshot, Page, Value, float, process, table,
    },
    reload::{GenerationState, Reloader},
    status::PluginState,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A series of a plugin, as `GET /plugins/{name}/metrics` shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct MetricReport {
    /// The name, as the plugin calls it.
    pub name: Arc<str>,
    /// The name in `GET /metrics`.
    pub exported: String,
    /// `counter`, `gauge` or `histogram`.
    #[schemars(extend("enum" = ["counter", "gauge", "histogram"]))]
    pub kind: &'static str,
    /// What it is.
    pub help: String,
    /// What it is measured in, if its name says so.
    pub unit: Option<String>,
    /// What tells it from others of its name.
    pub labels: BTreeMap<String, String>,
    /// A number; of a histogram `count`, `sum` and `mean`.
    pub value: serde_json::Value,
}

/// The page that Prometheus reads.
pub(crate) fn page(reloader: &Reloader, told: &ServiceSettings) -> String {
    filled(reloader, told).finish()
}

/// The same as values, while a generation serves.
pub(crate) fn snapshot(reloader: &Reloader, is_last: bool) -> MetricsSnapshot {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    MetricsSnapshot {
        at: u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX),
        is_last,
        families: filled(reloader, &ServiceSettings::default()).families(),
    }
}

fn filled(reloader: &Reloader, told: &ServiceSettings) -> Page {
    let mut page = Page::default();
    generations(&mut page, reloader, told);
    plugins(&mut page, reloader);
    calls(&mut page, &reloader.metrics.calls.read());
    stalls(&mut page, reloader);
    page.begin(&table::METRICS_DROPPED);
    for (reason, count) in reloader.metrics.recorded.dropped() {
        let name = table::METRICS_DROPPED.name;
        page.value(name, [("reason", reason)], float(count));
    }
    requests(&mut page, reloader);
    for (own, value) in process() {
        page.single(own, value);
    }
    runtime(&mut page, reloader);
    for (name, family) in reloader.metrics.recorded.families() {
        recorded(&mut page, &name, &family);
    }
    page
}

fn generations(page: &mut Page, reloader: &Reloader, told: &ServiceSettings) {
    let lease = reloader.current.enter(0);
    let service = lease
        .as_ref()
        .map(|lease| &lease.0.config.settings().service);
    let ServiceSettings { name, version, .. } = service.unwrap_or(told);
    page.begin(&table::BUILD_INFO);
    let labels = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("service", name),
        ("service_version", version),
    ];
    page.value(table::BUILD_INFO.name, labels, 1.0);
    if let Some(lease) = &lease {
        page.single(&table::GENERATION, float(lease.0.number));
    }
    let all = reloader.generations();
    let alive = all.iter().filter(|one| one.state != GenerationState::Gone);
    page.single(&table::GENERATIONS_ALIVE, alive.map(|_| 1.0).sum());
    let reloads = &reloader.metrics.reloads;
    page.begin(&table::RELOADS);
    for (outcome, count) in reloads.outcomes() {
        page.value(table::RELOADS.name, [("outcome", outcome)], float(count));
    }
    page.begin(&table::RELOAD_DURATION);
    page.distribution(table::RELOAD_DURATION.name, &[], &reloads.took());
    if let Some(at) = reloads.last_success() {
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        page.single(&table::RELOAD_SUCCESS, since.as_secs_f64());
    }
}

fn plugins(page: &mut Page, reloader: &Reloader) {
    page.begin(&table::PLUGIN_STATE);
    for record in reloader.records() {
        let is = record.state();
        for state in PluginState::ALL {
            let labels = [("plugin", &*record.name), ("state", state.as_str())];
            let value = f64::from(u8::from(state == is));
            page.value(table::PLUGIN_STATE.name, labels, value);
        }
    }
}

fn calls(page: &mut Page, all: &[(Arc<str>, Arc<str>, Outcomes)]) {
    let places = || {
        all.iter()
            .map(|(plugin, point, of)| ([("plugin", &**plugin), ("point", &**point)], of))
    };
    page.begin(&table::PLUGIN_CALLS);
    for (place, of) in places() {
        let outcomes = [
            ("ok", of.ok),
            ("error", of.errors),
            ("panic", of.panics),
            ("timeout", of.timeouts),
            ("cancelled", of.cancelled),
        ];
        for (outcome, count) in outcomes {
            let labels = place.into_iter().chain([("outcome", outcome)]);
            page.value(table::PLUGIN_CALLS.name, labels, float(count));
        }
    }
    page.begin(&table::CALL_DURATION);
    for (place, of) in places() {
        let name = table::CALL_DURATION.name;
        let sum = Duration::from_nanos(of.nanos).as_secs_f64();
        page.summary(name, place, of.timed, sum);
    }
    let mut in_flight: BTreeMap<&str, u64> = BTreeMap::new();
    for (plugin, _, of) in all {
        *in_flight.entry(plugin).or_default() += of.in_flight;
    }
    page.begin(&table::INFLIGHT);
    for (plugin, count) in in_flight {
        page.value(table::INFLIGHT.name, [("plugin", plugin)], float(count));
    }
    page.begin(&table::POLICY);
    for (place, of) in places() {
        let labels = place.into_iter().chain([("policy", "fail_open")]);
        page.value(table::POLICY.name, labels, float(of.skipped));
    }
    page.begin(&table::SHORT_CIRCUITS);
    for (place, of) in places() {
        page.value(table::SHORT_CIRCUITS.name, place, float(of.short_circuits));
    }
}

fn stalls(page: &mut Page, reloader: &Reloader) {
    let counts = reloader.metrics.stalls.counts();
    page.begin(&table::STALLS);
    for (plugin, (_, all)) in &counts {
        page.value(table::STALLS.name, [("plugin", &**plugin)], float(*all));
    }
    page.begin(&table::STALLED);
    for (plugin, (now, _)) in &counts {
        page.value(table::STALLED.name, [("plugin", &**plugin)], float(*now));
    }
}

fn requests(page: &mut Page, reloader: &Reloader) {
    let routes = reloader.metrics.routes.all();
    let read: Vec<(&str, Vec<Answered>)> = routes
        .iter()
        .map(|route| (route.route(), route.read()))
        .collect();
    page.begin(&table::REQUESTS);
    each(&read, |labels, took| {
        let count = float(took.count());
        page.value(table::REQUESTS.name, labels.iter().copied(), count);
    });
    page.begin(&table::REQUEST_DURATION);
    each(&read, |labels, took| {
        page.distribution(table::REQUEST_DURATION.name, labels, took);
    });
    let expired = routes.iter().map(|route| (route.route(), route.expired()));
    page.begin(&table::REQUESTS_EXPIRED);
    for (route, count) in expired.filter(|(_, count)| *count > 0) {
        let name = table::REQUESTS_EXPIRED.name;
        page.value(name, [("route", route)], float(count));
    }
    let active: i64 = routes.iter().map(|route| route.active()).sum();
    page.single(
        &table::REQUESTS_ACTIVE,
        float(u64::try_from(active).unwrap_or(0)),
    );
}

/// Shows what came of the requests of each route, method and status.
fn each(routes: &[(&str, Vec<Answered>)], mut show: impl FnMut(&[(&str, &str)], &Distribution)) {
    for (route, all) in routes {
        for answered in all {
            let status = answered.status.to_string();
            let labels = [
                ("method", answered.method),
                ("route", route),
                ("status", &status),
            ];
            show(&labels, &answered.took);
        }
    }
}

fn runtime(page: &mut Page, reloader: &Reloader) {
    let metrics = reloader.workers.metrics();
    let count = |count: usize| float(count as u64);
    page.single(&table::TOKIO_WORKERS, count(metrics.num_workers()));
    page.single(&table::TOKIO_TASKS, count(metrics.num_alive_tasks()));
    page.single(&table::TOKIO_QUEUE, count(metrics.global_queue_depth()));
}

fn recorded(page: &mut Page, name: &str, family: &Family) {
    let help = match &*family.help {
        "" => "Not described by whoever records it.",
        help => help,
    };
    page.head(name, family.kind, family.unit.as_deref(), help);
    for (labels, series) in &family.series {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        match series.value() {
            Value::One(value) => page.value(name, labels, value),
            Value::Many(values) => page.distribution(name, &labels, &values),
        }
    }
}

/// The metrics of each plugin that has some, by its name.
pub(crate) fn of_plugins(reloader: &Reloader) -> BTreeMap<String, Map<String, serde_json::Value>> {
    let families = reloader.metrics.recorded.of_plugins(None);
    let each = || {
        families.iter().flat_map(|(exported, family)| {
            let series = family.series.iter();
            series.filter_map(move |(labels, series)| {
                let plugin = series.plugin.as_deref()?;
                let name = shown_name(labels, &series.original);
                Some((plugin, name, (exported, labels, series)))
            })
        })
    };
    // A counter and a gauge may have the same name: then both are called as they are written.
    let mut times: BTreeMap<_, u32> = BTreeMap::new();
    for (plugin, name, _) in each() {
        *times.entry((plugin, name)).or_default() += 1;
    }
    let mut all: BTreeMap<String, Map<_, _>> = BTreeMap::new();
    for (plugin, name, (exported, labels, series)) in each() {
        let key = (plugin, name);
        let name = if times.get(&key).is_some_and(|times| *times > 1) {
            shown_name(labels, exported)
        } else {
            key.1
        };
        let values = all.entry(format!("plugin.{plugin}")).or_default();
        values.insert(name, shown(&series.value()));
    }
    all
}

/// The metrics of one plugin.
pub(crate) fn of_plugin(reloader: &Reloader, plugin: &str) -> Result<Vec<MetricReport>> {
    Known::of(reloader).find(plugin)?;
    let mut all = Vec::new();
    for (exported, family) in reloader.metrics.recorded.of_plugins(Some(plugin)) {
        for (labels, series) in &family.series {
            all.push(MetricReport {
                name: Arc::clone(&series.original),
                exported: exported.clone(),
                kind: family.kind.as_str(),
                help: family.help.clone(),
                unit: family.unit.clone(),
                labels: own_labels(labels).cloned().collect(),
                value: shown(&series.value()),
            });
        }
    }
    Ok(all)
}

/// Without the name of the plugin, which says nothing beside it.
fn own_labels(labels: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    labels.iter().filter(|(name, _)| name != "plugin")
}

/// The name, and what tells the series from others.
fn shown_name(labels: &[(String, String)], name: &str) -> String {
    let labels: Vec<String> = own_labels(labels)
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    match &*labels {
        [] => name.to_owned(),
        labels => format!("{name}{{{}}}", labels.join(",")),
    }
}

fn shown(value: &Value) -> serde_json::Value {
    match value {
        // Whole numbers without a point, as they were counted.
        Value::One(value) => number(*value),
        Value::Many(values) => {
            let count = values.count();
            let mean = if count == 0 {
                0.0
            } else {
                values.sum / float(count)
            };
            json!({ "count": count, "sum": values.sum, "mean": mean })
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it is whole, and small enough"
)]
fn number(value: f64) -> serde_json::Value {
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < WHOLE {
        json!(value as i64)
    } else {
        json!(value)
    }
}
