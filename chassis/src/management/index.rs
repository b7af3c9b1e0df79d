//! `GET /`: what there is.

use crate::{
    contributions::About,
    handle::ChassisHandle,
    http::{Json, RouteInfo},
};
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;

/// An endpoint, as the index lists it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Endpoint {
    method: &'static str,
    path: &'static str,
    description: &'static str,
}

const fn get(path: &'static str, description: &'static str) -> Endpoint {
    other("GET", path, description)
}

const fn other(method: &'static str, path: &'static str, description: &'static str) -> Endpoint {
    Endpoint {
        method,
        path,
        description,
    }
}

const fn post(path: &'static str, description: &'static str) -> Endpoint {
    other("POST", path, description)
}

const ENDPOINTS: &[Endpoint] = &[
    get("/", "this list"),
    get("/info", "name, version, age and addresses of the service"),
    get("/config", "every setting with its origin, and no secret"),
    get("/health", "how the service is, with all health checks"),
    get("/health/live", "whether the process is alive"),
    get("/health/ready", "whether requests are served"),
    get("/health/startup", "whether it has started"),
    get(
        "/health/{group}",
        "how the checks of a group are: `health: {groups: {..}}`",
    ),
    get(
        "/plugins",
        "all plugins in order; `?state=`, `?role=`, `?tag=` and `?q=` choose among them",
    ),
    get("/plugins/{name}", "everything that is known of one plugin"),
    get("/plugins/{name}/health", "how the checks of one plugin are"),
    get("/plugins/status", "all plugins at a glance, by name"),
    get(
        "/plugins/metrics",
        "what plugins have recorded and collected, by name",
    ),
    get(
        "/plugins/{name}/metrics",
        "the metrics of one plugin, and what they are called in `/metrics`",
    ),
    get("/metrics", "all metrics, as Prometheus reads them"),
    get(
        "/plugins/graph",
        "the order of plugins, as `?format=json`, `mermaid` or `dot`",
    ),
    get(
        "/explain/{name}",
        "why a plugin stands where it stands, or does not run",
    ),
    get(
        "/extension-points",
        "all extension points, with what stands at them",
    ),
    get(
        "/generations",
        "the generations that serve, drain, or have ended lately",
    ),
    get(
        "/events",
        "what is published, who subscribes, and what waits",
    ),
    get(
        "/events/stream",
        "events as they are published; `?topic=order.**` chooses among them",
    ),
    get(
        "/events/dead-letters",
        "the events that could not be delivered",
    ),
    post(
        "/events/dead-letters/retry",
        "try once more to deliver all of them",
    ),
    post(
        "/events/dead-letters/{id}/retry",
        "try once more to deliver one of them",
    ),
    get(
        "/services",
        "all services that are registered here, by name; no plugin is asked",
    ),
    get(
        "/services/{name}",
        "those of one name; `?tag=` and `?passing=true` choose among them",
    ),
    get(
        "/loggers",
        "the levels of the log, and who has another for a time",
    ),
    other(
        "PUT",
        "/loggers/{target}",
        "another level for a target of the log: `{\"level\": \"debug\", \"for\": \"10m\"}`; then it has its own again",
    ),
    other(
        "DELETE",
        "/loggers/{target}",
        "give a target of the log its own level back",
    ),
    post(
        "/plugins/{name}/enable",
        "let a plugin take part, by a reload; a restart forgets it",
    ),
    post(
        "/plugins/{name}/disable",
        "keep a plugin out, by a reload; a restart forgets it; one that guards the service with `?force=true`",
    ),
    other(
        "PATCH",
        "/plugins/{name}/config",
        "change settings of a plugin by a JSON merge patch and a reload; a restart forgets it",
    ),
    other(
        "DELETE",
        "/plugins/{name}/config",
        "take back what was changed of a plugin since the start",
    ),
    post(
        "/plugins/{name}/reload",
        "build one plugin anew, and those that require it; answers when it is done",
    ),
    post(
        "/reload",
        "read the configuration anew, and build anew what has changed; `?all=true`: everything; `?dry_run=true`: say what would change",
    ),
    get(
        "/operations",
        "the last reloads that were asked for with `Prefer: respond-async`",
    ),
    get("/operations/{id}", "how one of them is, and what it did"),
];

/// A page of a plugin that runs.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    method: String,
    path: Arc<str>,
    description: String,
    plugin: Arc<str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Listed {
    Endpoint(Endpoint),
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

pub(super) async fn index(State(handle): State<ChassisHandle>) -> Json<Vec<Listed>> {
    let mut all: Vec<Listed> = ENDPOINTS.iter().copied().map(Listed::Endpoint).collect();
    // While nothing serves, there are none.
    let serving = handle.reloader().and_then(|reloader| reloader.serving());
    if let Ok(lease) = serving {
        let pages = lease.0.pages.infos.iter();
        all.extend(pages.map(|info| Listed::Page(Page::of(info))));
    }
    Json(all)
}
