//! `GET /health/live`, `/health/ready`, `/health/startup`.

use crate::{handle::ChassisHandle, http::Json};
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

/// A short answer, for whoever only wants a yes or a no.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    healthy: bool,
    status: &'static str,
    reason: Option<&'static str>,
}

type Answer = (StatusCode, Json<Health>);

/// Who can answer is alive: nothing else is to restart the process.
pub(super) async fn live() -> Answer {
    answer(true, "")
}

/// Whether requests are served, and go on to be.
pub(super) async fn ready(State(handle): State<ChassisHandle>) -> Answer {
    answer(handle.is_ready(), "the service is starting, or stopping")
}

/// Whether every required plugin has run once.
pub(super) async fn startup(State(handle): State<ChassisHandle>) -> Answer {
    let generations = handle.generations().unwrap_or_default();
    answer(!generations.is_empty(), "no generation has served yet")
}

fn answer(healthy: bool, reason: &'static str) -> Answer {
    let status = match healthy {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let health = Health {
        healthy,
        status: if healthy { "healthy" } else { "unhealthy" },
        reason: (!healthy).then_some(reason),
    };
    (status, Json(health))
}
