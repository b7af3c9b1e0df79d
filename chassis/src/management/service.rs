//! `GET /info`, `/config`, `/generations`.

use crate::{
    config::ConfigReport, error::Result, handle::ChassisHandle, http::Json,
    reload::GenerationReport, report::ServiceReport,
};
use axum::extract::State;

pub(super) async fn info(State(handle): State<ChassisHandle>) -> Result<Json<ServiceReport>> {
    Ok(Json(handle.info()?))
}

pub(super) async fn config(State(handle): State<ChassisHandle>) -> Result<Json<ConfigReport>> {
    Ok(Json(handle.config()?))
}

pub(super) async fn generations(
    State(handle): State<ChassisHandle>,
) -> Result<Json<Vec<GenerationReport>>> {
    Ok(Json(handle.generations()?))
}
