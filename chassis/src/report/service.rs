//! What is told of the service as a whole.

use crate::{
    listening::{Listening, Which},
    reload::ProbationReport,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{net::SocketAddr, path::PathBuf, time::SystemTime};

/// The service as a whole: what `GET /info` answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ServiceReport {
    /// `service.name`.
    pub name: String,
    /// `service.version`.
    pub version: String,
    /// The version of the chassis.
    pub chassis: &'static str,
    /// Whether requests are served.
    pub ready: bool,
    /// The generation that serves; none before the first does, and after the last.
    pub generation: Option<u64>,
    /// What is watched after a reload, and what was taken back; none if nothing is or was.
    pub probation: Option<ProbationReport>,
    /// How many instances are known, running or not.
    pub plugins: usize,
    /// When the process began to start the service, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    pub started: SystemTime,
    /// How long ago that was, by a clock that nobody sets.
    pub uptime_ms: u64,
    /// The number of the process.
    pub pid: u32,
    /// Where it listens.
    pub addresses: Addresses,
    /// The configuration file; none if there was none to read.
    pub config_file: Option<PathBuf>,
    /// The operating system.
    pub os: &'static str,
    /// The processor's architecture.
    pub arch: &'static str,
    /// How many threads can run at a time.
    pub cpus: Option<usize>,
    /// Whether it was built with `debug_assertions`: it is slower then.
    pub debug: bool,
}

/// Where a service listens; nowhere, in a test without ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Addresses {
    /// The service itself.
    pub service: Option<SocketAddr>,
    /// The management endpoints.
    pub management: Option<SocketAddr>,
    /// `metrics.listen`, where only `GET /metrics` is answered.
    pub metrics: Option<SocketAddr>,
}

impl Addresses {
    pub(crate) fn of(listening: &Listening) -> Self {
        Self {
            service: listening.address(Which::Service),
            management: listening.address(Which::Management),
            metrics: listening.address(Which::Metrics),
        }
    }
}
