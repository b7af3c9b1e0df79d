//! `GET /services`, `/services/{name}`: what is registered here. Who knows of services elsewhere is not asked: no endpoint
//! runs the code of plugins.

use crate::{
    entry::{ServiceEntry, ServiceQuestion},
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::{Json, Path, Query},
    text,
};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Which ones to list. A misspelt key is an error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Only those with this tag.
    tag: Option<String>,
    /// Only those that are well.
    #[serde(default)]
    passing: bool,
}

pub(super) async fn all(
    State(handle): State<ChassisHandle>,
) -> Result<Json<BTreeMap<String, Vec<ServiceEntry>>>> {
    let mut all: BTreeMap<String, Vec<ServiceEntry>> = BTreeMap::new();
    for entry in handle.services().list()? {
        all.entry(entry.name.clone()).or_default().push(entry);
    }
    Ok(Json(all))
}

pub(super) async fn named(
    State(handle): State<ChassisHandle>,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<ServiceEntry>>> {
    let services = handle.services();
    let mut found = services.find(&*name)?;
    if found.is_empty() {
        let all = services.list()?;
        let names = all.iter().map(|entry| &*entry.name);
        let error = Error::new(
            code::SERVICE_UNKNOWN,
            format!("no service is registered as `{}`", text::visible(&name)),
        );
        return Err(match text::did_you_mean(&name, names) {
            Some(help) => error.with_help(help),
            None => error.with_help("`GET /services` lists those that are"),
        });
    }
    let mut question = ServiceQuestion::new(name);
    (question.tag, question.passing) = (wanted.tag, wanted.passing);
    found.retain(|entry| question.takes(entry));
    Ok(Json(found))
}
