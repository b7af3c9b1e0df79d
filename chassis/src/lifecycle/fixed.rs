//! Settings that are read once, when the process starts.

use crate::{
    config::{Config, Settings},
    error::{Error, Result, code},
    text,
};

/// Whether a configuration leaves them as they are.
pub(super) fn check(old: &Settings, config: &Config) -> Result<()> {
    let new = config.settings();
    let (server, other) = (&old.server, &new.server);
    let (management, metrics) = (&old.management, &old.metrics);
    // An address that a source gives would be another one at the next start.
    let is_given = |key: &str| config.source_below(key).is_some();
    let changed = [
        (
            "server.listen",
            server.listen != other.listen && is_given("server.listen"),
        ),
        (
            "server.max_connections",
            server.max_connections != other.max_connections,
        ),
        ("server.max_header", server.max_header != other.max_header),
        (
            "server.header_timeout",
            server.header_timeout != other.header_timeout,
        ),
        (
            "server.idle_timeout",
            server.idle_timeout != other.idle_timeout,
        ),
        (
            "management.listen",
            management.listen != new.management.listen && is_given("management.listen"),
        ),
        (
            "management.token_file",
            management.token_file != new.management.token_file,
        ),
        ("shutdown", old.shutdown != new.shutdown),
        ("log", old.log != new.log),
        (
            "metrics.listen",
            metrics.listen != new.metrics.listen && is_given("metrics.listen"),
        ),
        // Counters go on over a reload, and can't be sorted anew.
        ("metrics.buckets", metrics.buckets != new.metrics.buckets),
    ];
    let changed: Vec<&str> = changed
        .iter()
        .filter(|(_, changed)| *changed)
        .map(|(key, _)| *key)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let from_source = changed.iter().find_map(|key| config.source_below(key));
    let origin = from_source.or_else(|| changed.iter().find_map(|key| config.origin(key)));
    let changed = text::quoted(changed);
    let error = if from_source.is_some() {
        // At start: the sockets were bound, and the log was begun, before anybody could be asked.
        let message =
            format!("{changed} can't come from a source: it is read before they are asked");
        Error::new(code::NEEDS_RESTART, message)
            .with_help("write it into the configuration file, or set it in the environment")
    } else {
        let message = format!("{changed} can only be changed by a restart");
        Error::new(code::NEEDS_RESTART, message)
            .with_help("put the old values back, or restart the process")
    };
    Err(match origin {
        Some(origin) => error.from_origin(origin.to_string()),
        None => error,
    })
}
