//! `POST /plugins/{name}/enable`, `/disable`; `PATCH` and `DELETE /plugins/{name}/config`.

use super::reload::AskedToChange;
use crate::{
    error::{Error, Result, code},
    http::{Path, Response},
    reload::Change,
};
use bytes::Bytes;
use serde_json::Value;

type Answer = Result<Response>;

pub(super) async fn enable(
    AskedToChange(asked): AskedToChange,
    Path(name): Path<String>,
) -> Answer {
    let plugin = asked.handle().name_of(&name)?;
    asked.answer(Change::Enable(plugin, true).into()).await
}

/// Whoever guards the service is disabled with `?force=true` only.
pub(super) async fn disable(
    AskedToChange(asked): AskedToChange,
    Path(name): Path<String>,
) -> Answer {
    if !asked.is_forced()
        && let Some(point) = asked.handle().guarded_by(&name)
    {
        let message =
            format!("`{name}` stands at `{point}`: without it the service is guarded by less");
        return Err(
            Error::new(code::CONFLICT, message).with_help("`?force=true` disables it all the same")
        );
    }
    let plugin = asked.handle().name_of(&name)?;
    asked.answer(Change::Enable(plugin, false).into()).await
}

pub(super) async fn configure(
    AskedToChange(asked): AskedToChange,
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
    let plugin = asked.handle().name_of(&name)?;
    asked.answer(Change::Patch(plugin, patch).into()).await
}

pub(super) async fn reset(AskedToChange(asked): AskedToChange, Path(name): Path<String>) -> Answer {
    let plugin = asked.handle().name_of(&name)?;
    asked.answer(Change::Reset(plugin).into()).await
}
