//! `POST /plugins/{name}/enable`, `/disable`; `PATCH` and `DELETE /plugins/{name}/config`.

use crate::{
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::{Json, Path, Query},
    reload::Reloaded,
};
use axum::extract::State;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

type Answer = Result<Json<Reloaded>>;

pub(super) async fn enable(
    State(handle): State<ChassisHandle>,
    Path(name): Path<String>,
) -> Answer {
    handle.enable(&name).await.map(Json)
}

/// `?force=true` disables what guards the service, too.
#[derive(Deserialize)]
pub(super) struct Force {
    #[serde(default)]
    force: bool,
}

pub(super) async fn disable(
    State(handle): State<ChassisHandle>,
    Path(name): Path<String>,
    Query(Force { force }): Query<Force>,
) -> Answer {
    if !force && let Some(point) = handle.guarded_by(&name) {
        let message =
            format!("`{name}` stands at `{point}`: without it the service is guarded by less");
        return Err(
            Error::new(code::CONFLICT, message).with_help("`?force=true` disables it all the same")
        );
    }
    handle.disable(&name).await.map(Json)
}

pub(super) async fn configure(
    State(handle): State<ChassisHandle>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let refuse = |message: String| {
        Error::new(code::BAD_REQUEST, message)
            .with_help("write the settings to change: `{\"percent\": 20}`; `null` takes one back")
    };
    let patch: Value = serde_json::from_slice(&body)
        .map_err(|error| refuse(format!("the body is not JSON: {error}")))?;
    if !patch.is_object() {
        return Err(refuse("the body is no JSON object".to_owned()));
    }
    handle.configure(&name, patch).await.map(Json)
}

pub(super) async fn reset(State(handle): State<ChassisHandle>, Path(name): Path<String>) -> Answer {
    handle.reset(&name).await.map(Json)
}
