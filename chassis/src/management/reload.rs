//! `POST /reload`.

use super::body::object;
use crate::{
    error::{Error, Result, code},
    handle::ChassisHandle,
    http::Json,
    reload::Reloaded,
};
use axum::extract::State;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;

/// There is nothing to say, yet. A key that means nothing should not be taken for one that was obeyed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wishes {}

pub(super) async fn reload(
    State(handle): State<ChassisHandle>,
    body: Bytes,
) -> Result<Json<Reloaded>> {
    if !body.is_empty() {
        let Wishes {} = object(&body).map_err(|error| {
            Error::new(
                code::BAD_REQUEST,
                format!("the body can't be read: {error}"),
            )
            .with_help("a reload takes no body, or `{}`")
        })?;
    }
    handle.reload().await.map(Json)
}
