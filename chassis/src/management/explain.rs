//! `GET /explain/{name}`.

use crate::{
    error::Result,
    handle::ChassisHandle,
    http::{Json, Path},
    report::Explanation,
};
use axum::extract::State;

pub(super) async fn explain(
    State(handle): State<ChassisHandle>,
    Path(name): Path<String>,
) -> Result<Json<Explanation>> {
    Ok(Json(handle.explain(&name)?))
}
