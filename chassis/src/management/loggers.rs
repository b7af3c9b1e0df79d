//! `GET /loggers`; `PUT` and `DELETE /loggers/{target}`: the levels of the log.

use super::body::object;
use crate::{
    config::units,
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::{Json, Path},
    telemetry::{ChangedLevel, LEVELS, LogReport},
};
use axum::extract::State;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Which level a target is to have, and for how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "WantedLevel")]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The level.
    #[schemars(extend("enum" = LEVELS))]
    level: String,
    /// How long it has that: at most a day.
    #[serde(rename = "for", default = "ten_minutes", with = "units::Time")]
    lasts: Duration,
}

fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}

pub(super) async fn list(State(handle): State<ChassisHandle>) -> Json<LogReport> {
    Json(handle.log_levels())
}

pub(super) async fn set(
    State(handle): State<ChassisHandle>,
    Path(target): Path<String>,
    body: Bytes,
) -> Result<Json<ChangedLevel>> {
    let wanted: Wanted = object(&body).map_err(|error| {
        let message = format!("the body is not a level: {error}");
        Error::new(code::BAD_REQUEST, message)
            .with_help("write `{\"level\": \"debug\", \"for\": \"10m\"}`")
    })?;
    let changed = handle.set_log_level(&target, &wanted.level, wanted.lasts)?;
    Ok(Json(changed))
}

pub(super) async fn reset(
    State(handle): State<ChassisHandle>,
    Path(target): Path<String>,
) -> Result<Json<LogReport>> {
    handle.reset_log_level(&target)?;
    Ok(Json(handle.log_levels()))
}
