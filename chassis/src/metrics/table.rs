//! The metrics of the chassis itself: names, kinds, labels, meaning. `METRICS.md` is written from this.

use std::fmt;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

impl Kind {
    /// Whether it is written under names with [`PARTS`].
    pub(super) const fn has_parts(self) -> bool {
        matches!(self, Self::Histogram | Self::Summary)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the names end under which a histogram is written.
pub(super) const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// A metric of the chassis.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) unit: Option<&'static str>,
    /// The names of its labels.
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

macro_rules! table {
    ($($constant:ident $kind:ident $name:literal $([$unit:literal])? ($($label:literal),*) $help:literal;)*) => {
        $(
            pub(crate) const $constant: Own = Own {
                name: $name,
                kind: Kind::$kind,
                unit: first(&[$($unit)?]),
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// All of them, as they are written.
        pub(crate) const ALL: &[&Own] = &[$(&$constant),*];
    };
}

table! {
    BUILD_INFO Gauge "chassis_build_info" ("version", "service", "service_version")
        "Always 1: the version of the chassis, name and version of the service.";
    GENERATION Gauge "chassis_generation" ()
        "The number of the generation that serves; absent while none does.";
    GENERATIONS_ALIVE Gauge "chassis_generations_alive" ()
        "Generations that serve, or are still held by a request or a task.";
    RELOADS Counter "chassis_reload_total" ("outcome")
        "Reloads that have succeeded, have failed and left the old generation serving, were refused because one was running or because what failed probation has not changed, or have brought the configuration of before back (`rolled_back`).";
    RELOAD_DURATION Histogram "chassis_reload_duration_seconds" ["seconds"] ()
        "How long reloads took that were not refused, from the request to the end of the old generation.";
    RELOAD_SUCCESS Gauge "chassis_reload_last_success_timestamp_seconds" ["seconds"] ()
        "When a generation began to serve last, in seconds since 1970.";
    PLUGIN_STATE Gauge "chassis_plugin_state" ("plugin", "state")
        "1 for the state that an instance is in, 0 for all others.";
    PLUGIN_CALLS Counter "chassis_plugin_calls_total" ("plugin", "point", "outcome")
        "Calls of handlers that have ended: ok, error, panic, timeout, or cancelled: dropped midway, as its request ran out of time or its client went away. For a route, an answer of 500 and above is an error.";
    CALL_DURATION Summary "chassis_plugin_call_duration_seconds" ["seconds"] ("plugin", "point")
        "Durations of calls of handlers, of a sample: the first 64 of each 16384 calls of a handler are timed, and only these are in sum and count. Their quotient is the mean.";
    INFLIGHT Gauge "chassis_plugin_inflight" ("plugin")
        "Calls of handlers that are under way. Handlers that do not await are not counted.";
    POLICY Counter "chassis_policy_applied_total" ("plugin", "point", "policy")
        "Failures of a handler that were passed over, so that all else went on: every fail-open is here.";
    SHORT_CIRCUITS Counter "chassis_point_short_circuits_total" ("plugin", "point")
        "Walks through a filter point that a handler has ended with an answer.";
    STALLS Counter "chassis_plugin_stalls_total" ("plugin")
        "Calls that have kept their thread for half a second or longer, and so everything else that it should do. Absent until there is one.";
    STALLED Gauge "chassis_stalled_threads" ("plugin")
        "Threads that such a call keeps now.";
    METRICS_DROPPED Counter "chassis_metrics_dropped_total" ("reason")
        "How often a series was asked for and refused: there are 10000 of its name or 2000 names already (limit), or its name is taken for something else (conflict). A plugin asks once for each handle, a library mostly at each record, and what is collected is asked for in each round.";
    REQUESTS Counter "http_server_requests_total" ("method", "route", "status")
        "Requests, by route: its path as it was declared, mounted for what axum routers answer, none where no route matched. Status 499: nobody waited for the answer any more.";
    REQUEST_DURATION Histogram "http_server_request_duration_seconds" ["seconds"] ("method", "route", "status")
        "From the arrival of the head of a request until the head of its answer was ready.";
    REQUESTS_EXPIRED Counter "http_server_request_timeouts_total" ("route")
        "Requests that were cut off and answered with 504, because they took longer than `server.request_timeout`, or the time of their route. Absent until there is one.";
    REQUESTS_ACTIVE Gauge "http_server_active_requests" ()
        "Requests that are under way, to the last byte of the answer.";
    CPU Counter "process_cpu_seconds_total" ["seconds"] ()
        "Time that the process has spent on processors, in user and system mode.";
    RESIDENT Gauge "process_resident_memory_bytes" ["bytes"] ()
        "Memory of the process that is in RAM.";
    VIRTUAL Gauge "process_virtual_memory_bytes" ["bytes"] ()
        "Address space of the process.";
    OPEN_FDS Gauge "process_open_fds" ()
        "File descriptors that are open.";
    MAX_FDS Gauge "process_max_fds" ()
        "How many file descriptors may be open.";
    STARTED Gauge "process_start_time_seconds" ["seconds"] ()
        "When the process began, in seconds since 1970.";
    THREADS Gauge "process_threads" ()
        "Threads of the process.";
    TOKIO_WORKERS Gauge "tokio_workers" ()
        "Worker threads of the runtime that plugins and requests run on.";
    TOKIO_TASKS Gauge "tokio_alive_tasks" ()
        "Tasks that are alive on that runtime.";
    TOKIO_QUEUE Gauge "tokio_global_queue_depth" ()
        "Tasks that wait in the queue that all workers share.";
}

const fn first(units: &[&'static str]) -> Option<&'static str> {
    match units {
        [unit, ..] => Some(*unit),
        [] => None,
    }
}

/// Whether a name is one of these, or a part of one: nobody else may use it.
pub(super) fn is_own(name: &str) -> bool {
    let whole = PARTS.iter().find_map(|part| name.strip_suffix(part));
    let is_part = |own: &Own| own.kind.has_parts() && whole == Some(own.name);
    ALL.iter().any(|own| own.name == name || is_part(own))
}

/// `METRICS.md`.
pub(crate) fn markdown() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
        What every service shows at `GET /metrics` on its management address, and on `metrics.listen` if that is set: the text that \
        Prometheus reads, version 0.0.4. Plugins and libraries add their own. The values of each label are few, so the number of \
        series does not grow with the number of requests.\n\n\
        <!-- Written by `cargo xtask metrics` from chassis/src/metrics/table.rs: change it there. -->\n\n\
        | Metric | Kind | Labels | What it is |\n|---|---|---|---|\n",
    );
    for own in ALL {
        let labels: Vec<String> = own
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        text += &format!(
            "| `{}` | {} | {} | {} |\n",
            own.name,
            own.kind,
            labels.join(", "),
            own.help
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_as_they_should() {
        for own in ALL {
            let is_counter = own.kind == Kind::Counter;
            assert_eq!(own.name.ends_with("_total"), is_counter, "{}", own.name);
            let unit = own.unit.unwrap_or_default();
            let name = own.name.trim_end_matches("_total");
            assert!(name.ends_with(unit), "{}", own.name);
            let is_part = PARTS.iter().any(|part| own.name.ends_with(part));
            assert!(!is_part, "{}", own.name);
        }
    }
}
