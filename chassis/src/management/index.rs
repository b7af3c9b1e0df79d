//! All endpoints, in one list: the router, `GET /` and `GET /openapi.json` are made from it.

use super::{
    Endpoints, change,
    endpoint::{Body, Content, Endpoint, any_object, json, text},
    events, explain, graph, health, loggers, metrics, openapi, operations, plugins, points, reload,
    service, services,
};
use crate::{
    config::ConfigReport,
    contributions::About,
    entry::ServiceEntry,
    error::{Code, code},
    event::{DeadLetter, EventsReport},
    graph::Drawn,
    handle::ChassisHandle,
    http::{Json, RouteInfo},
    openapi::schema_of,
    reload::GenerationReport,
    report::{
        Explanation, HealthReport, MetricReport, PluginReport, PluginStatus, PointReport, Probe,
        ServiceReport,
    },
    telemetry::{ChangedLevel, LogReport},
};
use axum::{
    extract::State,
    routing::{MethodFilter, MethodRouter, on},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

type Route = fn(MethodFilter) -> MethodRouter<Endpoints>;
type ByName<T> = BTreeMap<String, T>;

const fn get(
    path: &'static str,
    id: &'static str,
    description: &'static str,
    route: Route,
) -> Endpoint {
    Endpoint::new("GET", path, id, description, route)
}

const fn post(
    path: &'static str,
    id: &'static str,
    description: &'static str,
    route: Route,
) -> Endpoint {
    Endpoint::new("POST", path, id, description, route)
}

const CLOSED: &[Code] = &[code::CLOSED];
const OF_PLUGIN: &[Code] = &[code::CLOSED, code::UNKNOWN_PLUGIN];

/// Why a reload does not come about: the codes that stand for all with their statuses.
const RELOADING: &[Code] = &[
    code::CLOSED,
    code::DEADLINE,
    code::RELOAD_BUSY,
    code::NEEDS_RESTART,
    code::RELOAD_FAILED,
    code::RELOAD_STALE,
    code::RELOAD_REJECTED,
    code::CONFIG_INVALID,
    code::REQUIRED,
];

/// And why a change does not.
const CHANGING: &[Code] = &[
    code::UNKNOWN_PLUGIN,
    code::CONFIG_NO_FILE,
    code::CONFIG_UNWRITABLE,
    code::NOT_PERSISTED,
];
const DISABLING: &[Code] = &[
    code::CONFLICT,
    code::UNKNOWN_PLUGIN,
    code::CONFIG_NO_FILE,
    code::CONFIG_UNWRITABLE,
    code::NOT_PERSISTED,
];

pub(super) static ENDPOINTS: &[Endpoint] = &[
    get("/", "index", "this list", |to| on(to, index))
        .gives(&[(200, json::<Vec<ByName<String>>>())]),
    get(
        "/openapi.json",
        "openapi",
        "all of this for programs: OpenAPI 3.1",
        |to| on(to, openapi::document),
    )
    .gives(&[(200, json::<Map<String, Value>>())]),
    get(
        "/info",
        "info",
        "name, version, age and addresses of the service; what is on probation after a reload",
        |to| on(to, service::info),
    )
    .gives(&[(200, json::<ServiceReport>())])
    .fails(CLOSED),
    get(
        "/config",
        "config",
        "every setting with its origin, and no secret",
        |to| on(to, service::config),
    )
    .gives(&[(200, json::<ConfigReport>())])
    .fails(CLOSED),
    get(
        "/health",
        "health",
        "how the service is, with all health checks",
        |to| on(to, health::all),
    )
    .gives(HEALTH)
    .fails(CLOSED),
    get(
        "/health/live",
        "health_live",
        "whether the process is alive",
        |to| on(to, health::live),
    )
    .gives(PROBE)
    .fails(CLOSED),
    get(
        "/health/ready",
        "health_ready",
        "whether requests are served",
        |to| on(to, health::ready),
    )
    .gives(PROBE)
    .fails(CLOSED),
    get(
        "/health/startup",
        "health_startup",
        "whether it has started",
        |to| on(to, health::startup),
    )
    .gives(PROBE)
    .fails(CLOSED),
    get(
        "/health/{group}",
        "health_of_group",
        "how the checks of a group are: `health: {groups: {..}}`",
        |to| on(to, health::group),
    )
    .gives(HEALTH)
    .fails(&[code::CLOSED, code::NOT_FOUND]),
    get(
        "/plugins",
        "plugins",
        "all plugins in order; `?state=`, `?role=`, `?tag=` and `?q=` choose among them",
        |to| on(to, plugins::list),
    )
    .asks::<plugins::Wanted>()
    .gives(&[(200, json::<Vec<PluginReport>>())])
    .fails(CLOSED),
    get(
        "/plugins/{name}",
        "plugin",
        "everything that is known of one plugin",
        |to| on(to, plugins::one),
    )
    .gives(&[(200, json::<PluginReport>())])
    .fails(OF_PLUGIN),
    get(
        "/plugins/{name}/health",
        "health_of_plugin",
        "how the checks of one plugin are",
        |to| on(to, health::plugin),
    )
    .gives(HEALTH)
    .fails(OF_PLUGIN),
    get(
        "/plugins/status",
        "plugins_status",
        "all plugins at a glance, by name",
        |to| on(to, plugins::status),
    )
    .gives(&[(200, json::<ByName<PluginStatus>>())])
    .fails(CLOSED),
    get(
        "/plugins/metrics",
        "plugins_metrics",
        "what plugins have recorded and collected, by name",
        |to| on(to, metrics::plugins),
    )
    .gives(&[(200, json::<ByName<Map<String, Value>>>())])
    .fails(CLOSED),
    get(
        "/plugins/{name}/metrics",
        "metrics_of_plugin",
        "the metrics of one plugin, and what they are called in `/metrics`",
        |to| on(to, metrics::plugin),
    )
    .gives(&[(200, json::<Vec<MetricReport>>())])
    .fails(OF_PLUGIN),
    get(
        "/metrics",
        "metrics",
        "all metrics, as Prometheus reads them",
        |to| on(to, metrics::page),
    )
    .gives(&[(200, text("text/plain"))])
    .fails(CLOSED),
    get(
        "/plugins/graph",
        "plugins_graph",
        "the order of plugins, as `?format=json`, `mermaid` or `dot`",
        |to| on(to, graph::graph),
    )
    .asks::<graph::Wanted>()
    .gives(&[
        (200, json::<Drawn<'static>>()),
        (200, text("text/vnd.mermaid")),
        (200, text("text/vnd.graphviz")),
    ])
    .fails(CLOSED),
    get(
        "/explain/{name}",
        "explain",
        "why a plugin stands where it stands, or does not run",
        |to| on(to, explain::explain),
    )
    .gives(&[(200, json::<Explanation>())])
    .fails(OF_PLUGIN),
    get(
        "/extension-points",
        "extension_points",
        "all extension points, with what stands at them",
        |to| on(to, points::map),
    )
    .gives(&[(200, json::<ByName<PointReport>>())])
    .fails(CLOSED),
    get(
        "/generations",
        "generations",
        "the generations that serve, drain, or have ended lately",
        |to| on(to, service::generations),
    )
    .gives(&[(200, json::<Vec<GenerationReport>>())])
    .fails(CLOSED),
    get(
        "/events",
        "events",
        "what is published, who subscribes, and what waits",
        |to| on(to, events::events),
    )
    .gives(&[(200, json::<EventsReport>())])
    .fails(CLOSED),
    get(
        "/events/stream",
        "events_stream",
        "events as they are published; `?topic=order.**` chooses among them",
        |to| on(to, events::stream),
    )
    .asks::<events::Wanted>()
    .gives(&[(200, text("text/event-stream"))])
    .fails(&[code::CLOSED, code::BUSY, code::EVENT_TOPIC]),
    get(
        "/events/dead-letters",
        "dead_letters",
        "the events that could not be delivered",
        |to| on(to, events::dead_letters),
    )
    .gives(&[(200, json::<Vec<DeadLetter>>())])
    .fails(CLOSED),
    post(
        "/events/dead-letters/retry",
        "retry_dead_letters",
        "try once more to deliver all of them",
        |to| on(to, events::retry_all),
    )
    .gives(&[(200, json::<events::Retried>())])
    .fails(CLOSED),
    post(
        "/events/dead-letters/{id}/retry",
        "retry_dead_letter",
        "try once more to deliver one of them",
        |to| on(to, events::retry),
    )
    .gives(&[(200, json::<ByName<String>>())])
    .fails(&[code::CLOSED, code::NOT_FOUND, code::CONFLICT, code::EVENT_REJECTED]),
    get(
        "/services",
        "services",
        "all services that are registered here, by name; no plugin is asked",
        |to| on(to, services::all),
    )
    .gives(&[(200, json::<ByName<Vec<ServiceEntry>>>())])
    .fails(CLOSED),
    get(
        "/services/{name}",
        "services_of_name",
        "those of one name; `?tag=` and `?passing=true` choose among them",
        |to| on(to, services::named),
    )
    .asks::<services::Wanted>()
    .gives(&[(200, json::<Vec<ServiceEntry>>())])
    .fails(&[code::CLOSED, code::SERVICE_UNKNOWN]),
    get(
        "/loggers",
        "loggers",
        "the levels of the log, and who has another for a time",
        |to| on(to, loggers::list),
    )
    .gives(&[(200, json::<LogReport>())]),
    Endpoint::new(
        "PUT",
        "/loggers/{target}",
        "set_logger",
        "another level for a target of the log: `{\"level\": \"debug\", \"for\": \"10m\"}`; then it has its own again",
        |to| on(to, loggers::set),
    )
    .takes(Body {
        media_types: &["application/json"],
        schema: schema_of::<loggers::Wanted>,
        is_required: true,
    })
    .gives(&[(200, json::<ChangedLevel>())])
    .fails(&[code::LOG_NOT_OWNED, code::CONFLICT]),
    Endpoint::new(
        "DELETE",
        "/loggers/{target}",
        "reset_logger",
        "give a target of the log its own level back",
        |to| on(to, loggers::reset),
    )
    .gives(&[(200, json::<LogReport>())])
    .fails(&[code::LOG_NOT_OWNED, code::NOT_FOUND]),
    post(
        "/plugins/{name}/enable",
        "enable_plugin",
        "let a plugin take part, by a reload; a restart forgets it, unless it is asked with `?persist=true`",
        |to| on(to, change::enable),
    )
    .asks::<reload::OfChange>()
    .gives(RELOADED)
    .fails(RELOADING)
    .fails_too(CHANGING),
    post(
        "/plugins/{name}/disable",
        "disable_plugin",
        "keep a plugin out, by a reload; a restart forgets it, unless it is asked with `?persist=true`; one that guards the service with `?force=true`",
        |to| on(to, change::disable),
    )
    .asks::<reload::OfChange>()
    .gives(RELOADED)
    .fails(RELOADING)
    .fails_too(DISABLING),
    Endpoint::new(
        "PATCH",
        "/plugins/{name}/config",
        "configure_plugin",
        "change settings of a plugin by a JSON merge patch and a reload; a restart forgets it, unless it is asked with `?persist=true`",
        |to| on(to, change::configure),
    )
    .takes(Body {
        media_types: &["application/merge-patch+json", "application/json"],
        schema: any_object,
        is_required: true,
    })
    .asks::<reload::OfChange>()
    .gives(RELOADED)
    .fails(RELOADING)
    .fails_too(CHANGING),
    Endpoint::new(
        "DELETE",
        "/plugins/{name}/config",
        "reset_plugin",
        "take back what operators have changed of a plugin, since the start and in `config.local.yaml`",
        |to| on(to, change::reset),
    )
    .asks::<reload::OfChange>()
    .gives(RELOADED)
    .fails(RELOADING)
    .fails_too(CHANGING),
    post(
        "/plugins/{name}/reload",
        "reload_plugin",
        "build one plugin anew, and those that require it; answers when it is done",
        |to| on(to, reload::plugin),
    )
    .asks::<reload::Options>()
    .takes(NOTHING)
    .gives(RELOADED)
    .fails(RELOADING)
    .fails_too(&[code::UNKNOWN_PLUGIN, code::DISABLED]),
    post(
        "/reload",
        "reload",
        "read the configuration anew, and build anew what has changed; `?all=true`: everything; `?dry_run=true`: say what would change",
        |to| on(to, reload::reload),
    )
    .asks::<reload::Options>()
    .takes(NOTHING)
    .gives(RELOADED)
    .fails(RELOADING),
    get(
        "/operations",
        "operations",
        "the last reloads that were asked for with `Prefer: respond-async`",
        |to| on(to, operations::list),
    )
    .gives(&[(200, json::<Vec<operations::Operation>>())]),
    get(
        "/operations/{id}",
        "operation",
        "how one of them is, and what it did",
        |to| on(to, operations::one),
    )
    .gives(&[(200, json::<operations::Operation>())])
    .fails(&[code::NOT_FOUND]),
];

const NOTHING: Body = Body {
    media_types: &["application/json"],
    schema: schema_of::<reload::Nothing>,
    is_required: false,
};

const HEALTH: &[(u16, Content)] = &[(200, json::<HealthReport>()), (503, json::<HealthReport>())];
const PROBE: &[(u16, Content)] = &[(200, json::<Probe>()), (503, json::<Probe>())];
const RELOADED: &[(u16, Content)] = &[
    (200, json::<reload::Answered>()),
    (202, json::<operations::Operation>()),
];

/// A page of a plugin that runs.
#[derive(Debug, Serialize)]
struct Page {
    method: String,
    path: Arc<str>,
    description: String,
    plugin: Arc<str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Listed {
    Endpoint(&'static Endpoint),
    Page(Page),
}

impl Page {
    fn of(info: &RouteInfo) -> Self {
        let about = info.metadata.get().map(|About(text)| text.clone());
        Self {
            method: info.method.to_string(),
            path: Arc::clone(&info.path),
            description: about.unwrap_or_else(|| format!("a page of the plugin `{}`", info.owner)),
            plugin: Arc::clone(&info.owner),
        }
    }
}

async fn index(State(handle): State<ChassisHandle>) -> Json<Vec<Listed>> {
    let mut listed: Vec<Listed> = all().iter().map(Listed::Endpoint).collect();
    // While nothing serves, there are none.
    let serving = handle.reloader().and_then(|reloader| reloader.serving());
    if let Ok(lease) = serving {
        let pages = lease.0.pages.infos.iter();
        listed.extend(pages.map(|info| Listed::Page(Page::of(info))));
    }
    Json(listed)
}

/// Not by its name: what `index` gives would be known by the list, and the list by what `index` gives.
fn all() -> &'static [Endpoint] {
    ENDPOINTS
}
