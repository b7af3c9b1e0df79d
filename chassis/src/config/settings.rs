//! The settings of the chassis itself. Those of plugins are theirs.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    announced,
    events::EventSettings,
    filter::log_filter,
    health::HealthSettings,
    management::ManagementSettings,
    path,
    probation::ProbationSettings,
    section::invalid,
    tree::{Origin, Tree},
    units,
};
use crate::error::Error;

/// hyper panics if its buffer is smaller.
const LEAST_HEADER: usize = 8 << 10;

/// Each is a line of `GET /metrics` for each route, method and status.
const MOST_BUCKETS: usize = 50;

/// All settings of the chassis itself, with their defaults: `config.yaml` explains each.
///
/// Times are written `30s`, sizes `2MiB`; a number without a unit is an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// What the service is called.
    pub service: ServiceSettings,
    /// The listener of the service.
    pub server: ServerSettings,
    /// The listener for operators.
    pub management: ManagementSettings,
    /// How long a plugin may take to come and go.
    pub lifecycle: LifecycleSettings,
    /// How the process ends.
    pub shutdown: ShutdownSettings,
    /// How a reload replaces what is running.
    pub reload: ReloadSettings,
    /// How events wait for those who subscribe.
    pub events: EventSettings,
    /// Which plugins are let in.
    pub admission: AdmissionSettings,
    /// How health checks are asked.
    pub health: HealthSettings,
    /// The registry of services.
    pub discovery: DiscoverySettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What is counted and measured.
    pub metrics: MetricsSettings,
}

/// `service`: what it is called, in logs, in discovery and for operators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceSettings {
    /// The name. Default: that of the program, or `service`.
    pub name: String,
    /// The version, for people; it is compared with nothing. Default: that of the program, or `0.0.0`.
    pub version: String,
    /// What it is registered by: unique among all services. Left out, it is made of name, address and port.
    pub id: Option<String>,
    /// Where others reach it: a host or an address, and a port if it is not that of `server.listen`. Left out, it is
    /// where the service listens, and in place of `0.0.0.0` the address that this machine sends from.
    pub advertise: Option<String>,
    /// Words to find it by. Default: none.
    pub tags: Vec<String>,
    /// What else others should know of it: texts by name. Default: none.
    pub meta: BTreeMap<String, String>,
}

/// `server`: the listener of the service, and the limits that keep one client from taking all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Address and port; port 0 takes a free one. Default: `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// The size of a request's head, at least `8KiB`; above it the answer is 431. Default: `16KiB`.
    #[serde(with = "units::Size")]
    pub max_header: usize,
    /// The size of a request's body; above it the answer is 413. Default: `2MiB`.
    #[serde(with = "units::Size")]
    pub max_body: usize,
    /// How long a client may take to send the head of a request. Default: `10s`.
    #[serde(with = "units::Time")]
    pub header_timeout: Duration,
    /// How long a request may take until the head of the answer is out. Default: `30s`.
    #[serde(with = "units::Time")]
    pub request_timeout: Duration,
    /// How long a connection may be open without a request. Default: `60s`.
    #[serde(with = "units::Time")]
    pub idle_timeout: Duration,
    /// How many connections may be open at a time; further ones wait. Default: 10000.
    pub max_connections: usize,
    /// Whether `/livez`, `/readyz` and `/startupz` are answered here. Default: true.
    pub probes: bool,
    /// Whether `GET /openapi.json` tells here of all routes, behind all hooks. Default: true.
    pub openapi: bool,
    /// The networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Default: none.
    #[serde(with = "units::Networks")]
    pub trusted_proxies: Vec<IpNet>,
}

/// `lifecycle`: how long one plugin may take for each step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LifecycleSettings {
    /// For `init`. Default: `30s`.
    #[serde(with = "units::Time")]
    pub init_deadline: Duration,
    /// For `start`. Default: `30s`.
    #[serde(with = "units::Time")]
    pub start_deadline: Duration,
    /// For `stop`. Default: `10s`.
    #[serde(with = "units::Time")]
    pub stop_deadline: Duration,
}

/// `shutdown`: how the process ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ShutdownSettings {
    /// How long to serve on while telling load balancers "not ready". Default: `0s`.
    #[serde(with = "units::Time")]
    pub delay: Duration,
    /// How long requests may take to end before they are cut off; and then as long again for events to be delivered.
    /// Default: `30s`.
    #[serde(with = "units::Time")]
    pub grace: Duration,
    /// How long an idle connection is kept open, for the request that may be on its way. Default: `1s`.
    #[serde(with = "units::Time")]
    pub idle_linger: Duration,
}

/// `reload`: how what is running is replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ReloadSettings {
    /// How long requests of the old generation may take to end before its plugins are stopped all the
    /// same. Default: `30s`.
    #[serde(with = "units::Time")]
    pub drain: Duration,
    /// Whether the service reloads when what is in its configuration files changes. Default: true.
    pub watch: bool,
    /// How often the files are looked at even if the file system tells of no change. Default: `10s`.
    #[serde(with = "units::Time")]
    pub poll: Duration,
    /// How what is new is watched after a reload.
    pub probation: ProbationSettings,
}

/// `admission`: which plugins are let in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AdmissionSettings {
    /// How many plugins there may be; 0 is no limit. Default: 0.
    pub max_plugins: usize,
}

/// `discovery`: the registry of services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DiscoverySettings {
    /// How many services may be registered here; further ones are refused. Default: 10000.
    pub max_entries: usize,
}

/// `log`: what is logged, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LogSettings {
    /// Levels by target, as in `RUST_LOG`: `info,orders=debug`. A plugin that writes the lines may have others. Default: `info`.
    pub filter: String,
    /// For people or for machines. A plugin that writes the lines may have another form. Default: `pretty`.
    pub format: LogFormat,
}

/// `metrics`: what is counted and measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricsSettings {
    /// A further address for `GET /metrics`, and for nothing else: it may be one that other machines reach. Default: none.
    pub listen: Option<SocketAddr>,
    /// How often plugins that collect metrics are asked, and those that export them told. Default: `10s`.
    #[serde(with = "units::Time")]
    pub interval: Duration,
    /// The upper bounds of the buckets that durations are counted in, in seconds.
    /// Default: from 1 ms to 10 s.
    pub buckets: Vec<f64>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object per line.
    Json,
}

impl Settings {
    /// What types can't say. Each error names the place of the value.
    pub(super) fn validate(&self, tree: &Tree, errors: &mut Vec<Error>) {
        let place = |path: &str| {
            let value = path::parse(path).and_then(|keys| tree.lookup(&keys));
            value.map_or(&Origin::Default, Tree::place)
        };
        let mut refuse = |path: &str, message: &str, help: &str| {
            errors.push(invalid(path, place(path), message).with_help(help));
        };

        self.management.validate(&mut refuse);
        self.reload.probation.validate(&mut refuse);
        if overlap(self.server.listen, self.management.listen) {
            // A default has no place to look at, and can't be the one to blame.
            let (path, message) = match place("management.listen") {
                Origin::Default => (
                    "server.listen",
                    "`management.listen` has this address already",
                ),
                _ => (
                    "management.listen",
                    "`server.listen` has this address already",
                ),
            };
            refuse(
                path,
                message,
                "give one of them another port, or 0 for any that is free",
            );
        }
        if self.server.max_header < LEAST_HEADER {
            refuse(
                "server.max_header",
                "this is less than `8KiB`",
                "write `8KiB` or more",
            );
        }
        if self.server.max_connections == 0 {
            refuse(
                "server.max_connections",
                "nobody could connect",
                "write 1 or more",
            );
        }
        let times = [
            ("server.header_timeout", self.server.header_timeout),
            ("server.request_timeout", self.server.request_timeout),
            ("server.idle_timeout", self.server.idle_timeout),
            ("lifecycle.init_deadline", self.lifecycle.init_deadline),
            ("lifecycle.start_deadline", self.lifecycle.start_deadline),
            ("lifecycle.stop_deadline", self.lifecycle.stop_deadline),
            ("reload.poll", self.reload.poll),
            ("metrics.interval", self.metrics.interval),
        ];
        for (path, _) in times.iter().filter(|(_, time)| time.is_zero()) {
            // Elsewhere 0 might mean "no limit". Here nothing is without a limit.
            refuse(
                path,
                "no time at all; there is no way to switch it off",
                "write a longer time",
            );
        }
        let metrics = self.metrics.listen;
        if metrics.is_some_and(|at| {
            overlap(self.server.listen, at) || overlap(self.management.listen, at)
        }) {
            refuse(
                "metrics.listen",
                "another listener has this address already",
                "give it another port; `management.listen` serves `GET /metrics` too",
            );
        }
        let buckets = &self.metrics.buckets;
        let is_bound = |bound: &f64| bound.is_finite() && *bound > 0.0;
        let ascend = buckets.is_sorted_by(|one, next| one < next);
        if !ascend || !buckets.iter().all(is_bound) || !(1..=MOST_BUCKETS).contains(&buckets.len())
        {
            refuse(
                "metrics.buckets",
                "these are not 1 to 50 numbers above 0, each larger than the one before",
                "write seconds: `[0.01, 0.1, 1]`",
            );
        }
        if let Err(error) = log_filter(&self.log.filter) {
            refuse(
                "log.filter",
                &error.to_string(),
                "write levels by target: `info,orders=debug`",
            );
        }
        self.health.validate(&mut refuse);
        if self.service.name.is_empty() {
            refuse(
                "service.name",
                "it is empty",
                "remove the key to have the default",
            );
        }
        let service = &self.service;
        let advertise = service.advertise.as_deref().map(announced::parse_address);
        let announced = [
            (
                "service.id",
                service.id.as_deref().map_or(Ok(()), announced::check_word),
            ),
            (
                "service.advertise",
                advertise.map_or(Ok(()), |parsed| parsed.map(|_| ())),
            ),
            ("service.tags", announced::check_tags(&service.tags)),
            ("service.meta", announced::check_meta(&service.meta)),
        ];
        for (path, checked) in announced {
            if let Err(message) = checked {
                let help = match path {
                    "service.advertise" => "write a host and a port: `orders.internal:8080`",
                    _ => "make it shorter, or remove the key to have the default",
                };
                refuse(path, &message, help);
            }
        }
    }
}

/// Whether the second listener could not be bound because of the first.
fn overlap(first: SocketAddr, second: SocketAddr) -> bool {
    // "All addresses" has that of the second among them.
    let all = first.ip().is_unspecified() && first.is_ipv4() == second.is_ipv4();
    first.port() != 0 && first.port() == second.port() && (all || first.ip() == second.ip())
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            name: "service".to_owned(),
            version: "0.0.0".to_owned(),
            id: None,
            advertise: None,
            tags: Vec::new(),
            meta: BTreeMap::new(),
        }
    }
}

impl Default for DiscoverySettings {
    fn default() -> Self {
        Self {
            max_entries: 10_000,
        }
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            max_header: 16 << 10,
            max_body: 2 << 20,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            max_connections: 10_000,
            probes: true,
            openapi: true,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Default for LifecycleSettings {
    fn default() -> Self {
        Self {
            init_deadline: Duration::from_secs(30),
            start_deadline: Duration::from_secs(30),
            stop_deadline: Duration::from_secs(10),
        }
    }
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            grace: Duration::from_secs(30),
            idle_linger: Duration::from_secs(1),
        }
    }
}

impl Default for ReloadSettings {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(30),
            watch: true,
            poll: Duration::from_secs(10),
            probation: ProbationSettings::default(),
        }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::Pretty,
        }
    }
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self {
            listen: None,
            interval: Duration::from_secs(10),
            buckets: vec![
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ],
        }
    }
}
