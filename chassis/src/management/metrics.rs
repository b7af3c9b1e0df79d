//! `GET /metrics`, `/plugins/metrics`, `/plugins/{name}/metrics`: no plugin is asked here, only what is known is shown.

use crate::{
    error::Result,
    handle::ChassisHandle,
    http::{Json, Path},
    metrics,
    report::MetricReport,
};
use axum::extract::State;
use http::{HeaderName, header};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type Page = ([(HeaderName, &'static str); 1], String);

pub(super) async fn page(State(handle): State<ChassisHandle>) -> Result<Page> {
    // On a thread of its own: a page may be large, and the supervisor has others to look after.
    let page = tokio::task::spawn_blocking(move || handle.metrics()).await??;
    Ok(([(header::CONTENT_TYPE, metrics::Page::MEDIA_TYPE)], page))
}

pub(super) async fn plugins(
    State(handle): State<ChassisHandle>,
) -> Result<Json<BTreeMap<String, Map<String, Value>>>> {
    let all = tokio::task::spawn_blocking(move || handle.plugin_metrics()).await??;
    Ok(Json(all))
}

pub(super) async fn plugin(
    State(handle): State<ChassisHandle>,
    Path(name): Path<String>,
) -> Result<Json<Vec<MetricReport>>> {
    let all = tokio::task::spawn_blocking(move || handle.metrics_of(&name)).await??;
    Ok(Json(all))
}
