//! `GET /health`, `/health/live`, `/health/ready`, `/health/startup`, `/health/{group}`, `/plugins/{name}/health`. All of it
//! is answered from memory: no check is asked because somebody wants to know.

use crate::{
    error::Result,
    handle::ChassisHandle,
    http::{Json, Path},
    report::{HealthReport, Probe},
};
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

type Answer<T> = (StatusCode, Json<T>);

/// The whole service, with every check.
pub(super) async fn all(State(handle): State<ChassisHandle>) -> Result<Answer<HealthReport>> {
    report(handle.health()?)
}

/// What stands under one name.
pub(super) async fn group(
    State(handle): State<ChassisHandle>,
    Path(group): Path<String>,
) -> Result<Answer<HealthReport>> {
    report(handle.health_of_group(&group)?)
}

/// One plugin.
pub(super) async fn plugin(
    State(handle): State<ChassisHandle>,
    Path(name): Path<String>,
) -> Result<Answer<HealthReport>> {
    report(handle.health_of_plugin(&name)?)
}

/// Whether the process should be restarted.
pub(super) async fn live(State(handle): State<ChassisHandle>) -> Result<Answer<Probe>> {
    probe(handle.liveness()?)
}

/// Whether requests are served, and go on to be.
pub(super) async fn ready(State(handle): State<ChassisHandle>) -> Result<Answer<Probe>> {
    probe(handle.readiness()?)
}

/// Whether every required plugin has run once.
pub(super) async fn startup(State(handle): State<ChassisHandle>) -> Result<Answer<Probe>> {
    probe(handle.startup()?)
}

fn report(report: HealthReport) -> Result<Answer<HealthReport>> {
    Ok(answer(report.healthy, report))
}

fn probe(probe: Probe) -> Result<Answer<Probe>> {
    Ok(answer(probe.healthy, probe))
}

fn answer<T: Serialize>(healthy: bool, body: T) -> Answer<T> {
    let status = match healthy {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(body))
}
