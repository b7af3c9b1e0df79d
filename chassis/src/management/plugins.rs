//! `GET /plugins`, `/plugins/{name}`, `/plugins/status`.

use crate::{
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::{Json, Path, Query},
    report::{PluginReport, PluginStatus, ROLES},
    status::PluginState,
    text,
};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

/// Which plugins to list. A misspelt key is an error: an answer with too much in it would be taken for the truth.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Only those in this state.
    #[schemars(with = "Option<PluginState>")]
    state: Option<String>,
    /// Only those with this role.
    #[schemars(extend("enum" = ROLES))]
    role: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
    /// Only those with this text in name, description, tags or capabilities.
    q: Option<String>,
}

pub(super) async fn list(
    State(handle): State<ChassisHandle>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Vec<PluginReport>>> {
    let wanted = wanted.check()?;
    let all = handle.plugins()?.into_iter();
    Ok(Json(all.filter(|report| wanted.takes(report)).collect()))
}

pub(super) async fn status(
    State(handle): State<ChassisHandle>,
) -> Result<Json<BTreeMap<Arc<str>, PluginStatus>>> {
    Ok(Json(handle.status()?))
}

pub(super) async fn one(
    State(handle): State<ChassisHandle>,
    Path(name): Path<String>,
) -> Result<Json<PluginReport>> {
    Ok(Json(handle.plugin(&name)?))
}

impl Wanted {
    fn check(mut self) -> Result<Self> {
        one_of(
            "state",
            self.state.as_deref(),
            PluginState::ALL.map(PluginState::as_str),
        )?;
        one_of("role", self.role.as_deref(), ROLES.iter().copied())?;
        self.q = self.q.map(|q| q.to_lowercase());
        Ok(self)
    }

    fn takes(&self, report: &PluginReport) -> bool {
        let is_state = self
            .state
            .as_deref()
            .is_none_or(|state| report.state.as_str() == state);
        let has_role = self
            .role
            .as_deref()
            .is_none_or(|role| report.roles.contains(&role));
        let tags = &report.tags;
        let has_tag = self.tag.as_ref().is_none_or(|tag| tags.contains(tag));
        let has_text = self.q.as_deref().is_none_or(|q| {
            let info = &report.info;
            let lists = tags.iter().chain(&info.provides).map(String::as_str);
            let mut texts = lists.chain([&*report.name, &*report.plugin, &report.description]);
            texts.any(|text| text.to_lowercase().contains(q))
        });
        is_state && has_role && has_tag && has_text
    }
}

fn one_of(
    key: &str,
    value: Option<&str>,
    allowed: impl IntoIterator<Item = &'static str>,
) -> Result<()> {
    let allowed: Vec<&str> = allowed.into_iter().collect();
    match value {
        Some(value) if !allowed.contains(&value) => {
            let message = format!("`{key}={value}` is not one of {}", text::quoted(allowed));
            Err(Error::new(code::BAD_REQUEST, message))
        }
        _ => Ok(()),
    }
}
