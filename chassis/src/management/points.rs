//! `GET /extension-points`.

use crate::{error::Result, handle::ChassisHandle, http::Json, report::PointReport};
use axum::extract::State;
use std::{collections::BTreeMap, sync::Arc};

pub(super) async fn map(
    State(handle): State<ChassisHandle>,
) -> Result<Json<BTreeMap<Arc<str>, PointReport>>> {
    let all = handle.extension_points()?.into_iter();
    Ok(Json(
        all.map(|point| (Arc::clone(&point.info.name), point))
            .collect(),
    ))
}
