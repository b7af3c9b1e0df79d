//! `GET /info`, `/config`, `/generations`.

use super::reload::etag;
use crate::{
    config::ConfigReport, error::Result, handle::ChassisHandle, http::Json,
    reload::GenerationReport, report::ServiceReport,
};
use axum::extract::State;
use http::{HeaderName, HeaderValue, header};

pub(super) async fn info(State(handle): State<ChassisHandle>) -> Result<Json<ServiceReport>> {
    Ok(Json(handle.info()?))
}

/// With the tag of the generation whose configuration it is: an operator's change may ask for it by `If-Match`.
type Tagged<T> = Result<([(HeaderName, HeaderValue); 1], Json<T>)>;

fn tagged<T>(handle: &ChassisHandle, read: impl FnOnce() -> Result<T>) -> Tagged<T> {
    // Before: what is read then is at least as new.
    let tag = etag(handle.reloader()?.serving()?.0.number);
    Ok(([(header::ETAG, tag)], Json(read()?)))
}

pub(super) async fn config(State(handle): State<ChassisHandle>) -> Tagged<ConfigReport> {
    tagged(&handle, || handle.config())
}

pub(super) async fn generations(
    State(handle): State<ChassisHandle>,
) -> Tagged<Vec<GenerationReport>> {
    tagged(&handle, || handle.generations())
}
