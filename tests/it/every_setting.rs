//! Every setting does what it is documented to do: one row for each, with what a user sees by default and with another value.
//!
//! A row starts its service twice, and both times looks in the same way: what differs can only come from the setting. Where
//! that is a matter of time, the time is virtual.

use crate::command_line::{EVERYTHING, run, with};
use std::{
    fmt::Write as _,
    future::Future,
    sync::{Mutex, PoisonError},
    thread,
};
use tokio::runtime::Builder;

// The leaves of the schema.
mod leaves;
// Virtual time over real connections.
mod hands;
// Limits of the server, its addresses, and its end: over real connections.
mod sockets;
// What needs no connection.
mod memory;
// How plugins take part, and the settings of those that are shipped.
mod plugins;
// Events that wait.
mod events;
// What only a process has: a log, an answer to `status`.
mod processes;
// Files that change.
mod files;
// How checks are asked, and what they come to.
mod health;
// What is watched after a reload.
mod probation;
// How often somebody may ask.
mod limiting;
// Who callers are.
mod guarding;
// What answers are compressed with.
mod compressing;
// What browsers are told.
mod browsers;
// What is made metrics of.
mod metering;
// What is logged, and which events are kept.
mod logging;

/// A setting, and what it changes.
struct Row {
    /// The way to it. Where the leaf has a `*` it names something of the service that the row starts.
    path: &'static str,
    /// Another value than the default, in YAML. Behind a `[]` further keys of that entry may follow.
    value: &'static str,
    /// What is seen by default.
    by_default: &'static str,
    /// What is seen with the value.
    with_value: &'static str,
    /// Starts a service and looks.
    see: fn(Setting) -> String,
}

/// What a service is started with: the value of a row, or nothing.
#[derive(Clone, Copy)]
struct Setting {
    path: &'static str,
    value: Option<&'static str>,
}

const fn row(
    path: &'static str,
    value: &'static str,
    by_default: &'static str,
    with_value: &'static str,
    see: fn(Setting) -> String,
) -> Row {
    Row {
        path,
        value,
        by_default,
        with_value,
        see,
    }
}

#[rustfmt::skip] // It is a table.
const ROWS: &[Row] = &[
    row("service.name", "shop", "everything", "shop", processes::name),
    row("service.version", "3.2.1", "0.0.0", "3.2.1", processes::version),

    row("service.id", "orders-7", "service-127.0.0.1-0", "orders-7", memory::own_id),
    row("service.advertise", "orders.internal:443", "127.0.0.1:0", "orders.internal:443", memory::own_address),
    row("service.tags", "[eu, blue]", "", "eu, blue", memory::own_tags),
    row("service.meta.team", "sales", "", "team=sales", memory::own_meta),

    row("server.listen", "127.0.0.1:0", "port 8080", "a free port", sockets::service_address),
    row("server.max_header", "32KiB", "20 KiB: 431", "20 KiB: 200", sockets::large_head),
    row("server.max_body", "1KiB", "2 KiB: 200", "2 KiB: 413", memory::large_body),
    row("server.header_timeout", "3s", "408 after 10s", "408 after 3s", sockets::slow_head),
    row("server.request_timeout", "5s", "504 after 30s", "504 after 5s", memory::slow_request),
    row("server.idle_timeout", "15s", "closed after 60s", "closed after 15s", sockets::idle_connection),
    row("server.max_connections", "1", "the second is served at once", "the second waits for the end of the first", sockets::two_connections),
    row("server.probes", "false", "200", "404", health::probes),
    row("server.openapi", "false", "200", "404", memory::document),
    row("server.trusted_proxies", "[127.0.0.0/8]", "from 127.0.0.1", "from 192.0.2.7", memory::forwarded),

    row("management.listen", "127.0.0.1:0", "port 8081", "a free port", sockets::management_address),

    row("lifecycle.init_deadline", "5s", "failed after 30s", "failed after 5s", memory::hanging_init),
    row("lifecycle.start_deadline", "5s", "failed after 30s", "failed after 5s", memory::hanging_start),
    row("lifecycle.stop_deadline", "5s", "failed after 10s", "failed after 5s", memory::hanging_stop),

    row("shutdown.delay", "20s", "not ready, and open for 0s", "not ready, and open for 20s", sockets::delayed_end),
    row("shutdown.grace", "5s", "cut off after 30s", "cut off after 5s", sockets::hanging_end),
    row("shutdown.idle_linger", "5s", "closed after 1s", "closed after 5s", sockets::idle_end),

    row("reload.drain", "5s", "stopped after 30s", "stopped after 5s", memory::held_generation),
    row("reload.watch", "false", "a change is seen", "no change is seen", files::told_change),
    row("reload.poll", "100ms", "no change is seen", "a change is seen", files::silent_change),

    row("reload.probation.enabled", "true", "serves on", "taken back", probation::panicking),
    row("reload.probation.for", "5s", "watched after 10s", "not watched after 10s", probation::late),
    row("reload.probation.panics", "2", "taken back after 5", "taken back after 2", probation::panics),
    row("reload.probation.errors", "10%", "50 of 100 are too many", "10 of 100 are too many", probation::errors),
    row("reload.probation.calls", "3", "20 are enough", "3 are enough", probation::calls),

    row("events.transport", "broker", "0 have travelled", "1 have travelled", events::carried),
    row("events.queue", "10", "1024 wait", "10 wait", events::waiting),
    row("events.when_full", "reject", "one is dropped", "event.rejected", events::one_too_many),
    row("events.dead_letters", "10", "1000 are kept", "10 are kept", events::dead),

    row("admission.max_plugins", "1", "2 run", "1 run", memory::two_plugins),

    row("health.interval", "1m", "asked every 10s", "asked every 60s", health::asked),
    row("health.deadline", "2s", "down after 5s", "down after 2s", health::hanging),
    row("health.failure_threshold", "2", "down after 3", "down after 2", health::failing),
    row("health.success_threshold", "2", "up after 1", "up after 2", health::recovering),
    row("health.groups.storage", "[store]", "404", "200", health::group),
    row("health.checks.store/database.interval", "1m", "asked every 10s", "asked every 60s", health::asked),
    row("health.checks.store/database.deadline", "2s", "down after 5s", "down after 2s", health::hanging),
    row("health.checks.store/database.failure_threshold", "2", "down after 3", "down after 2", health::failing),
    row("health.checks.store/database.success_threshold", "2", "up after 1", "up after 2", health::recovering),
    row("health.checks.store/database.critical", "true", "degraded, ready", "down, not ready", health::down),

    row("discovery.max_entries", "1", "2 registered", "1 registered", memory::two_services),

    row("log.filter", "error", "ERROR, INFO", "ERROR", processes::levels),
    row("log.format", "json", "text", "JSON", processes::format),

    row("management.token_file", "tokens", "200", "401", processes::stranger),

    row("metrics.listen", "127.0.0.1:0", "nobody listens", "metrics, and nothing else", sockets::metrics_address),
    row("metrics.interval", "3s", "asked 4 times in 35s", "asked 12 times in 35s", memory::collected),
    row("metrics.buckets", "[0.1, 1]", "14 buckets", "3 buckets", memory::buckets),

    row("plugins.greeter.enabled", "false", "200", "404", plugins::greets),
    row("plugins.greeter.required", "true", "serves without it", "plugin.required", plugins::denied),
    row("plugins.second.use", "greeter", "config.unknown_plugin", "Ahoy, Ada!", plugins::further_instance),
    row("plugins.request-tracing.priority", "5", "outside, in and out", "inside, in and out", plugins::order),
    row("plugins.request-tracing.points.\"middleware.pre_request\".priority", "5", "outside, in and out", "outside on the way out only", plugins::order),

    row("plugins.greeter.deadlines.init", "5s", "failed after 30s", "failed after 5s", memory::hanging_init),
    row("plugins.greeter.deadlines.start", "5s", "failed after 30s", "failed after 5s", memory::hanging_start),
    row("plugins.greeter.deadlines.stop", "5s", "failed after 10s", "failed after 5s", memory::hanging_stop),
    row("plugins.greeter.deadlines.call", "5s", "504 after 30s", "504 after 5s", plugins::endless_call),
    row("plugins.greeter.points.\"middleware.pre_request\".deadline", "5s", "504 after 30s", "504 after 5s", plugins::endless_hook),
    row("plugins.greeter.limits.in_flight", "1", "200, 200", "200, 503", plugins::two_calls),
    row("plugins.greeter.limits.queue", "10", "1024 wait", "10 wait", events::waiting),
    row("plugins.greeter.limits.when_full", "reject", "one is dropped", "event.rejected", events::one_too_many),
    row("plugins.greeter.tags", "[eu]", "none", "eu", plugins::tags),

    row("plugins.config-directory.config.directory", "settings.d", "Hello, Ada!", "Ahoy, Ada!", processes::directory),
    row("plugins.config-directory.config.secret", "true", "Ahoy", "***", sockets::shown_greeting),
    row("plugins.greeter.config.greeting", "Ahoy", "Hello, Ada!", "Ahoy, Ada!", plugins::greeting),
    row("plugins.compression.config.algorithms", "[gzip]", "zstd", "gzip", compressing::poem),
    row("plugins.compression.config.level", "9", "as small as usual", "smaller", compressing::size),
    row("plugins.compression.config.min_size", "1MiB", "zstd", "plain", compressing::poem),
    row("plugins.compression.config.max_open", "1", "zstd, zstd", "zstd, plain", compressing::two_large),
    row("plugins.compression.config.types", "[text/html]", "zstd", "plain", compressing::poem),
    row("plugins.compression.config.skip_types", "[text/html]", "plain", "zstd", compressing::events),
    row("plugins.compression.config.routes", "[/poem/events]", "zstd", "plain", compressing::poem),
    row("plugins.compression.config.skip_routes", "[/poem]", "zstd", "plain", compressing::poem),
    row("plugins.timeout.config.timeouts.[].routes", "[/hang], timeout: 5s", "504 after 30s", "504 after 5s", memory::slow_request_by_route),
    row("plugins.timeout.config.timeouts.[].timeout", "10m, routes: [/hang]", "504 after 30s", "504 after 600s", memory::slow_request_by_route),
    row("plugins.cors.config.policies.[].routes", "[/hello/**], origins: [https://app.example.com]", "nothing, nothing", "https://app.example.com, nothing", browsers::readers),
    row("plugins.cors.config.policies.[].origins", "[https://app.example.com]", "nothing, nothing", "https://app.example.com, https://app.example.com", browsers::readers),
    row("plugins.cors.config.policies.[].methods", "[GET, PUT], origins: [https://app.example.com]", "nothing", "GET, PUT", browsers::preflight),
    row("plugins.cors.config.policies.[].headers", "[X-Api-Key], origins: [https://app.example.com]", "nothing", "X-Api-Key", browsers::preflight),
    row("plugins.cors.config.policies.[].expose", "[X-Total], origins: [https://app.example.com]", "nothing", "X-Total", browsers::header),
    row("plugins.cors.config.policies.[].credentials", "true, origins: [https://app.example.com]", "nothing", "true", browsers::header),
    row("plugins.cors.config.policies.[].max_age", "1h, origins: [https://app.example.com]", "nothing", "3600", browsers::preflight),
    row("plugins.cors.config.policies.[].private_network", "true, origins: [https://app.example.com]", "nothing", "true", browsers::preflight),
    row("plugins.security-headers.config.nosniff", "false", "nosniff", "nothing", browsers::header),
    row("plugins.security-headers.config.frame_options", "SAMEORIGIN", "DENY", "SAMEORIGIN", browsers::header),
    row("plugins.security-headers.config.referrer_policy", "same-origin", "no-referrer", "same-origin", browsers::header),
    row("plugins.security-headers.config.content_security_policy", "'sandbox'", "default-src 'none'; frame-ancestors 'none'", "sandbox", browsers::header),
    row("plugins.security-headers.config.hsts.enabled", "false", "max-age=31536000", "nothing", browsers::https),
    row("plugins.security-headers.config.hsts.max_age", "730d", "max-age=31536000", "max-age=63072000", browsers::https),
    row("plugins.security-headers.config.hsts.include_subdomains", "true", "max-age=31536000", "max-age=31536000; includeSubDomains", browsers::https),
    row("plugins.security-headers.config.hsts.preload", "true", "max-age=31536000; includeSubDomains", "max-age=31536000; includeSubDomains; preload", browsers::https),
    row("plugins.security-headers.config.permissions_policy", "camera=()", "nothing", "camera=()", browsers::header),
    row("plugins.security-headers.config.cross_origin_opener_policy", "same-origin", "nothing", "same-origin", browsers::header),
    row("plugins.security-headers.config.cross_origin_resource_policy", "same-site", "nothing", "same-site", browsers::header),
    row("plugins.security-headers.config.cross_origin_embedder_policy", "require-corp", "nothing", "require-corp", browsers::header),
    row("plugins.security-headers.config.remove", "[X-Made-By]", "x-made-by", "x-powered-by", browsers::left),
    row("plugins.security-headers.config.extra.X-Own", "yes please", "nothing", "yes please", browsers::header),
    row("plugins.security-headers.config.routes.[].routes", "[/hello/**], frame_options: SAMEORIGIN", "DENY, DENY", "SAMEORIGIN, DENY", browsers::frames),
    row("plugins.security-headers.config.routes.[].nosniff", "false, routes: [/nowhere]", "nosniff", "nothing", browsers::header),
    row("plugins.security-headers.config.routes.[].frame_options", "'off', routes: [/nowhere]", "DENY", "nothing", browsers::header),
    row("plugins.security-headers.config.routes.[].referrer_policy", "same-origin, routes: [/nowhere]", "no-referrer", "same-origin", browsers::header),
    row("plugins.security-headers.config.routes.[].content_security_policy", "sandbox, routes: [/nowhere]", "default-src 'none'; frame-ancestors 'none'", "sandbox", browsers::header),
    row("plugins.security-headers.config.routes.[].permissions_policy", "camera=(), routes: [/nowhere]", "nothing", "camera=()", browsers::header),
    row("plugins.security-headers.config.routes.[].cross_origin_opener_policy", "same-origin, routes: [/nowhere]", "nothing", "same-origin", browsers::header),
    row("plugins.security-headers.config.routes.[].cross_origin_resource_policy", "same-site, routes: [/nowhere]", "nothing", "same-site", browsers::header),
    row("plugins.security-headers.config.routes.[].cross_origin_embedder_policy", "require-corp, routes: [/nowhere]", "nothing", "require-corp", browsers::header),
    row("plugins.security-headers.config.routes.[].extra.X-Own", "yes please}, routes: [/nowhere]", "nothing", "yes please", browsers::header),
    row("plugins.custom-metrics.config.collection_interval", "10s", "asked 3 times", "asked 7 times", metering::polled),
    row("plugins.custom-metrics.config.metrics.[].name", "x, kind: counter, event: thing", "nothing", "x_total 1", metering::made),
    row("plugins.custom-metrics.config.metrics.[].kind", "gauge, name: x, event: thing, value: /n", "nothing", "x 7", metering::made),
    row("plugins.custom-metrics.config.metrics.[].help", "Things., name: x, kind: counter, event: thing", "nothing", "Things.", metering::help),
    row("plugins.custom-metrics.config.metrics.[].event", "'thing.*', name: x, kind: counter", "nothing", "x_total 2", metering::made),
    row("plugins.custom-metrics.config.metrics.[].routes", "['/hello/{name}'], name: x, kind: counter", "nothing", "x_total 1", metering::made),
    row("plugins.custom-metrics.config.metrics.[].status", "[404], routes: ['/**'], name: x, kind: counter", "nothing", "x_total 2", metering::made),
    row("plugins.custom-metrics.config.metrics.[].value", "/n, name: x, kind: counter, event: thing", "nothing", "x_total 7", metering::made),
    row("plugins.custom-metrics.config.metrics.[].labels.kind", "/kind}, name: x, kind: counter, event: thing", "nothing", "x_total{kind=\"tea\"} 1", metering::made),
    row("plugins.custom-metrics.config.metrics.[].buckets", "[1, 9], name: x, kind: histogram, event: thing, value: /n", "nothing", "1, 9, +Inf", metering::buckets),
    row("plugins.custom-metrics.config.max_series", "1", "thing.a, thing.b", "other, thing.a", metering::series),
    row("plugins.custom-metrics.config.max_body", "9B", "missing", "too_large", metering::looked_into),

    row("plugins.rate-limit.config.limits.[].name", "mine, rate: 1/s", "client: 2000 in 2 s", "mine: 1 in 1 s", limiting::policy),
    row("plugins.rate-limit.config.limits.[].routes", "[/hello/**], rate: 1/s", "limited: /hello, /nowhere", "limited: /hello", limiting::routes),
    row("plugins.rate-limit.config.limits.[].by", "header:X-Api-Key, rate: 1/h", "client: 2000 in 2 s", "header:x-api-key: 1 in 3600 s", limiting::policy),
    row("plugins.rate-limit.config.limits.[].rate", "7/min", "client: 2000 in 2 s", "client: 7 in 60 s", limiting::policy),
    row("plugins.rate-limit.config.limits.[].burst", "120, rate: 60/min", "client: 2000 in 2 s", "client: 120 in 120 s", limiting::policy),
    row("plugins.rate-limit.config.max_keys", "1000", "everybody has room", "some have no room", limiting::room),
    row("plugins.rate-limit.config.ipv6_prefix", "48", "two clients", "one client", limiting::networks),
    row("plugins.request-tracing.config.correlation_header", "X-Trace", "x-correlation-id, x-processing-time", "x-processing-time, x-trace", plugins::headers),
    row("plugins.request-tracing.config.timing_header", "X-Took", "x-correlation-id, x-processing-time", "x-correlation-id, x-took", plugins::headers),
    row("plugins.request-tracing.config.access_log", "false", "100", "0", plugins::logged),
    row("plugins.request-tracing.config.sample", "0.25", "100", "19", plugins::logged),
];

/// All of them.
fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(guarding::ROWS).chain(logging::ROWS)
}

#[test]
fn every_leaf_has_a_row_and_every_row_a_leaf() {
    let leaves = leaves::all();
    let mut wrong = String::new();
    for leaf in &leaves {
        if !rows().any(|row| leaves::is_at(leaf, row.path)) {
            _ = writeln!(wrong, "`{leaf}` has no row: what does a user see of it?");
        }
    }
    for Row { path, .. } in rows() {
        if !leaves.iter().any(|leaf| leaves::is_at(leaf, path)) {
            _ = writeln!(wrong, "`{path}` has a row, and is no setting");
        }
    }
    assert!(wrong.is_empty(), "{wrong}in {leaves:#?}");
}

#[test]
fn every_value_is_other_than_the_default() {
    differ_from_the_default(EVERYTHING, ROWS);
    differ_from_the_default(EVERYTHING, logging::ROWS);
    // These do not go together: they are keys of several kinds at one place.
    for row in guarding::ROWS {
        differ_from_the_default(guarding::PROGRAM, std::slice::from_ref(row));
    }
}

fn differ_from_the_default(program: &str, rows: &[Row]) {
    let set = rows.iter().flat_map(|row| {
        let (path, value) = whole_list(row.path, row.value);
        ["--set".to_owned(), format!("{path}={value}")]
    });
    let arguments: Vec<String> = ["config".to_owned(), "--diff".to_owned()]
        .into_iter()
        .chain(set)
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let shown = run(program, with("").path(), &arguments);
    for Row { path, value, .. } in rows {
        let (path, _) = whole_list(path, value);
        // What is a map or a list is shown by what is in it.
        let is_shown = shown.out.lines().any(|line| {
            let rest = line.strip_prefix(&path);
            rest.is_some_and(|rest| rest.starts_with(": ") || rest.starts_with(['.', '[']))
        });
        assert!(is_shown, "{path} in\n{}{}", shown.out, shown.err);
    }
}

#[test]
fn every_setting_does_what_it_says() {
    let rows = Mutex::new(rows());
    let wrong = Mutex::new(String::new());
    // They wait more than they work.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let row = rows.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(row) = row else { return };
                    let told = row.check();
                    wrong
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push_str(&told);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(wrong.is_empty(), "\n{wrong}");
}

impl Row {
    /// What is seen and should not be; nothing if all is well.
    fn check(&self) -> String {
        let &Self {
            path,
            value,
            by_default,
            with_value,
            see,
        } = self;
        let mut wrong = String::new();
        if by_default == with_value {
            _ = writeln!(wrong, "`{path}`: nobody would see a difference");
        }
        for (value, expected) in [(None, by_default), (Some(value), with_value)] {
            let with = value.map_or("by default".to_owned(), |value| format!("with {value}"));
            // On a thread of its own: one that panics is one row that fails.
            let seen = thread::Builder::new()
                .name(format!("{path} {with}"))
                .spawn(move || see(Setting { path, value }))
                .map(thread::JoinHandle::join);
            match seen {
                Ok(Ok(seen)) if seen == expected => {}
                Ok(Ok(seen)) => {
                    _ = writeln!(
                        wrong,
                        "`{path}` {with}: expected {expected:?}, seen {seen:?}"
                    );
                }
                Ok(Err(_)) => _ = writeln!(wrong, "`{path}` {with}: it panicked, see above"),
                Err(error) => _ = writeln!(wrong, "`{path}` {with}: {error}"),
            }
        }
        wrong
    }
}

impl Setting {
    /// As it stands in a configuration file.
    fn yaml(self) -> String {
        let Some(value) = self.value else {
            return String::new();
        };
        let (path, value) = whole_list(self.path, value);
        let mut yaml = String::new();
        let mut indent = String::from("\n");
        for key in leaves::keys(&path) {
            _ = write!(yaml, "{indent}\"{key}\":");
            indent += "  ";
        }
        yaml + &format!(" {value}\n")
    }
}

/// A key of an entry of a list can't be set alone: it becomes the list, with that entry. The value of a key further in closes what it
/// stands in.
fn whole_list(path: &str, value: &str) -> (String, String) {
    match path.split_once(".[].") {
        Some((list, key)) => {
            let key = key.replace('.', ": {");
            (list.to_owned(), format!("[{{{key}: {value}}}]"))
        }
        None => (path.to_owned(), value.to_owned()),
    }
}

/// Where time passes as soon as everybody waits for it.
fn in_virtual_time<T>(seen: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.expect("there is room").block_on(seen)
}

/// Where time is what it is: for what other processes and threads do.
fn in_real_time<T>(seen: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("there is room").block_on(seen)
}
