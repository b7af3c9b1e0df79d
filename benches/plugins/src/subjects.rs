//! What each shipped plugin is measured at: what it is told, and what it is asked.

use crate::tokens;
use serde::Serialize;

/// A service with some plugins, and a request. Whoever counts is told the rest by `--list`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct WithPlugins {
    /// Its subject is called `plugin/` and this. One that ends in `/large` asks for 10 KiB.
    pub(crate) name: &'static str,
    /// Which plugins are there.
    pub(crate) plugins: &'static [&'static str],
    /// What happens, for README.md.
    pub(crate) does: &'static str,
    /// Sections of `plugins:` in the configuration.
    #[serde(skip)]
    pub(crate) settings: &'static [&'static str],
    /// What the request carries.
    #[serde(skip)]
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// What the answer has to have: a plugin that does nothing would cost nothing.
    #[serde(skip)]
    pub(crate) shows: &'static [&'static str],
    /// A series at `/metrics` that has to count each answer, for the same reason.
    #[serde(skip)]
    pub(crate) counts: Option<&'static str>,
    /// Whether its count is on record, and the gate looks at it.
    pub(crate) is_gated: bool,
}

const NOTHING: WithPlugins = WithPlugins {
    name: "nothing",
    plugins: &[],
    does: "",
    settings: &[],
    headers: &[],
    shows: &[],
    counts: None,
    is_gated: true,
};

const COMPRESSION: &[&str] = &["compression"];
const CORS: &[&str] = &["cors"];
const CUSTOM_METRICS: &[&str] = &["custom-metrics"];
const TRACING: &[&str] = &["request-tracing"];
const LIMIT: &[&str] = &["rate-limit"];
const JWT: &[&str] = &["jwt-authentication"];

/// As many as there can be by default, but no measurement empties it.
const RATES: &str = "rate-limit: {config: {limits: [{rate: 1000000/s, burst: 1000000}]}}";
const RATE_HEADERS: &[&str] = &["ratelimit", "ratelimit-policy"];

const TIMES: &str = "timeout: {config: {timeouts: [{routes: [/], timeout: 5s}]}}";

const ANSWERS: &str = "custom-metrics: {config: {metrics: [\
     {name: answers, kind: counter, routes: [/], labels: {status: status}}]}}";
const ANSWERS_SERIES: Option<&str> = Some(r#"answers_total{plugin="custom-metrics",status="200"}"#);
const CENTS: &str = "custom-metrics: {config: {metrics: [\
     {name: cents, kind: histogram, routes: [/large], value: /1/total_cents, buckets: [10, 100]}]}}";

const ORIGIN: &str = "https://app.example.com";
const POLICY: &str = "cors: {config: {policies: [{origins: [https://app.example.com]}]}}";

const API_KEY: &str = "jwt-authentication: {config: {api_keys: {keys: [{name: bench, \
     sha256: \"1799f94da34fe04319e0c91c0c5257efdb493943e05a0655bf2642f6b77cdd35\"}]}}}";

/// All that are measured; first those without plugins, above which the others are.
pub(crate) const WITH_PLUGINS: &[WithPlugins] = &[
    NOTHING,
    WithPlugins {
        name: "nothing/large",
        ..NOTHING
    },
    WithPlugins {
        name: "request-tracing",
        plugins: TRACING,
        does: "an id is made and told, the time is told; nobody wants the line of the log",
        shows: &["x-correlation-id", "x-processing-time"],
        ..NOTHING
    },
    WithPlugins {
        name: "rate-limit",
        plugins: LIMIT,
        does: "one limit for clients, as by default",
        settings: &[RATES],
        shows: RATE_HEADERS,
        ..NOTHING
    },
    WithPlugins {
        name: "jwt-authentication",
        plugins: JWT,
        does: "a token of HS256 is checked",
        settings: &[tokens::HS256[0]],
        headers: &[("authorization", tokens::HS256[1])],
        ..NOTHING
    },
    WithPlugins {
        name: "jwt-authentication/EdDSA",
        does: "a token of EdDSA",
        settings: &[tokens::EDDSA[0]],
        headers: &[("authorization", tokens::EDDSA[1])],
        plugins: JWT,
        ..NOTHING
    },
    WithPlugins {
        name: "jwt-authentication/ES256",
        does: "a token of ES256",
        settings: &[tokens::ES256[0]],
        headers: &[("authorization", tokens::ES256[1])],
        plugins: JWT,
        ..NOTHING
    },
    WithPlugins {
        name: "jwt-authentication/RS256",
        does: "a token of RS256",
        settings: &[tokens::RS256[0]],
        headers: &[("authorization", tokens::RS256[1])],
        plugins: JWT,
        ..NOTHING
    },
    WithPlugins {
        name: "jwt-authentication/api-key",
        does: "an API key, the only one that is known",
        settings: &[API_KEY],
        headers: &[(
            "x-api-key",
            "bench.an-api-key-of-a-benchmark-and-of-nothing-else",
        )],
        plugins: JWT,
        ..NOTHING
    },
    WithPlugins {
        name: "compression",
        plugins: COMPRESSION,
        does: "nobody accepts anything",
        ..NOTHING
    },
    WithPlugins {
        name: "compression/gzip/large",
        plugins: COMPRESSION,
        does: "10 KiB of JSON become gzip",
        headers: &[("accept-encoding", "gzip")],
        shows: &["content-encoding", "vary"],
        is_gated: false,
        ..NOTHING
    },
    WithPlugins {
        name: "compression/zstd/large",
        plugins: COMPRESSION,
        does: "10 KiB of JSON become zstd",
        headers: &[("accept-encoding", "gzip, br, zstd")],
        shows: &["content-encoding", "vary"],
        is_gated: false,
        ..NOTHING
    },
    WithPlugins {
        name: "cors",
        plugins: CORS,
        does: "a page of an origin that is let in asks",
        settings: &[POLICY],
        headers: &[("origin", ORIGIN)],
        shows: &["access-control-allow-origin", "vary"],
        ..NOTHING
    },
    WithPlugins {
        name: "cors/no-origin",
        plugins: CORS,
        does: "no page asks, and the answer says that it would be another then",
        settings: &[POLICY],
        shows: &["vary"],
        ..NOTHING
    },
    WithPlugins {
        name: "custom-metrics",
        plugins: CUSTOM_METRICS,
        does: "answers of the route are counted, by status",
        settings: &[ANSWERS],
        counts: ANSWERS_SERIES,
        ..NOTHING
    },
    WithPlugins {
        name: "custom-metrics/json/large",
        plugins: CUSTOM_METRICS,
        does: "a field in 10 KiB of JSON goes into a histogram",
        settings: &[CENTS],
        counts: Some(r#"cents_count{plugin="custom-metrics"}"#),
        is_gated: false,
        ..NOTHING
    },
    WithPlugins {
        name: "security-headers",
        plugins: &["security-headers"],
        does: "the four headers that are there by default",
        shows: &[
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "content-security-policy",
        ],
        // With these the map of headers grows, and what that costs the allocator differs by 4 % from run to run.
        is_gated: false,
        ..NOTHING
    },
    WithPlugins {
        name: "timeout",
        plugins: &["timeout"],
        does: "the route has a time of its own",
        settings: &[TIMES],
        ..NOTHING
    },
    WithPlugins {
        name: "all",
        plugins: &[
            "compression",
            "cors",
            "custom-metrics",
            "jwt-authentication",
            "rate-limit",
            "request-tracing",
            "security-headers",
            "timeout",
        ],
        does: "all of them, a page of another origin asks with a token of HS256",
        settings: &[ANSWERS, POLICY, RATES, TIMES, tokens::HS256[0]],
        headers: &[("authorization", tokens::HS256[1]), ("origin", ORIGIN)],
        shows: &[
            "access-control-allow-origin",
            "ratelimit",
            "referrer-policy",
            "x-correlation-id",
        ],
        counts: ANSWERS_SERIES,
        ..NOTHING
    },
];

impl WithPlugins {
    /// What it asks for.
    pub(crate) fn path(&self) -> &'static str {
        match self.name.ends_with("/large") {
            true => "/large",
            false => "/",
        }
    }

    /// The configuration, as YAML.
    pub(crate) fn config(&self) -> String {
        let sections = self.settings.iter();
        let sections: String = sections.map(|section| format!("  {section}\n")).collect();
        match sections.is_empty() {
            true => String::new(),
            false => format!("plugins:\n{sections}"),
        }
    }
}
