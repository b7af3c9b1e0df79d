//! Correlation ids and timings on every request: the model of a middleware plugin.
//!
//! A middleware plugin stands around handlers it does not know. This one is a pair of hooks: on the way in it finds
//! or makes the request's correlation id, on the way out it writes that id and the time taken on the answer,
//! whatever the answer is (of a handler, a 404, an error, a panic), and a line into the access log. Read it from the top: the plugin, its config, its
//! life, its work, its tests.
//!
//! ```
//! use chassis::testing::TestChassis;
//! use chassis_request_tracing::RequestTracing;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chassis::Result<()> {
//! let app = TestChassis::with::<RequestTracing>().start().await?;
//! let answer = app.get("/nowhere").await;
//! assert_eq!(answer.status(), 404);
//! assert!(answer.header("X-Correlation-ID").is_some());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::{
    axum::http::{HeaderName, header},
    prelude::*,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// Gives every request a correlation id, and every response its timing.
#[plugin]
#[derive(Debug)]
pub struct RequestTracing {
    correlation_header: HeaderName,
    timing_header: HeaderName,
    access_log: bool,
    /// The highest number of a correlation id that is logged.
    logged_up_to: Option<u64>,
}

/// What can be set under `plugins.request-tracing.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestTracingConfig {
    /// The header that carries the correlation id, of requests and of responses.
    pub correlation_header: String,
    /// The header of responses that says how long the request took, in milliseconds.
    pub timing_header: String,
    /// Whether each request that is answered is a line of the log, at the level `info`.
    pub access_log: bool,
    /// Which part of them is, from 0 to 1. All services with the same part choose the same correlation ids, and those that fail
    /// (5xx) are logged in any case.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample: f64,
}

impl Default for RequestTracingConfig {
    fn default() -> Self {
        Self {
            correlation_header: "X-Correlation-ID".to_owned(),
            timing_header: "X-Processing-Time".to_owned(),
            access_log: true,
            sample: 1.0,
        }
    }
}

/// The correlation id of a request. Handlers get it as `Extension<CorrelationId>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrelationId(HeaderValue);

impl CorrelationId {
    /// The id as a text: 1 to 128 visible characters of ASCII.
    pub fn as_str(&self) -> &str {
        // It was looked at when it came; those that are made are digits.
        self.0.to_str().unwrap_or_default()
    }
}

impl Plugin for RequestTracing {
    type Config = RequestTracingConfig;

    fn validate(config: &RequestTracingConfig, found: &mut Violations) {
        let correlation_header = header_name(&config.correlation_header);
        let timing_header = header_name(&config.timing_header);
        if let Err(message) = &correlation_header {
            found.refuse("correlation_header", message);
        }
        match &timing_header {
            Err(message) => _ = found.refuse("timing_header", message),
            Ok(name) if correlation_header.as_ref() == Ok(name) => {
                found.refuse("timing_header", "it is that of the correlation id already");
            }
            Ok(_) => {}
        }
    }

    async fn init(config: RequestTracingConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self {
            correlation_header: config.correlation_header.parse()?,
            timing_header: config.timing_header.parse()?,
            access_log: config.access_log,
            logged_up_to: up_to(config.sample),
        })
    }
}

/// What frames or routes a message: with a correlation id in one of these nobody could read the answer.
const TAKEN: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

fn header_name(name: &str) -> Result<HeaderName, String> {
    let parsed: HeaderName = name.parse().map_err(|_| {
        format!("`{name}` is no header name; write letters, digits and hyphens, such as `X-Correlation-ID`")
    })?;
    if TAKEN.contains(&parsed) {
        return Err(format!(
            "`{name}` has a meaning of its own; choose another, such as `X-Correlation-ID`"
        ));
    }
    Ok(parsed)
}

// Both hooks say -110, so that they are one place in the onion: further out than all others that are shipped, and than those that
// say nothing. Whatever they answer themselves is traced, too.
#[contributes]
impl RequestTracing {
    #[filter(points::PRE_REQUEST, priority = -110)]
    fn begin(&self, exchange: &mut Exchange) -> Result<()> {
        let given = exchange.headers().get(&self.correlation_header);
        let value = match given.filter(|value| is_visible(value.as_bytes())) {
            Some(given) => given.clone(),
            None => HeaderValue::from_str(exchange.request_id().as_str())?,
        };
        let id = CorrelationId(value.clone());
        // That of the request; or of this call, if somebody listens to those.
        tracing::Span::current().record("correlation_id", id.as_str());
        exchange
            .headers_mut()
            .insert(&self.correlation_header, value);
        exchange.extensions_mut().insert(id.clone());
        exchange.keep(id);
        Ok(())
    }

    #[filter(points::POST_RESPONSE, priority = -110)]
    fn end(&self, exchange: &mut Exchange) -> Result<()> {
        let took = micros(exchange.started().elapsed());
        let id = exchange.kept::<CorrelationId>();
        let id = id.map(|id| {
            self.log(exchange, id, took);
            id.0.clone()
        });
        let timing = millis(took)?;
        let headers = exchange.response_headers_mut();
        if let Some(id) = id {
            headers.insert(&self.correlation_header, id);
        }
        headers.insert(&self.timing_header, timing);
        Ok(())
    }
}

impl RequestTracing {
    /// A line of the access log, with the route as it was declared: what is made of the log can count by it.
    fn log(&self, exchange: &Exchange, id: &CorrelationId, micros: u64) {
        let status = exchange.status();
        let is_chosen = self
            .logged_up_to
            .is_some_and(|most| number(id.as_str()) <= most);
        if !self.access_log || !(is_chosen || status.is_server_error()) {
            return;
        }
        let route = exchange.route();
        let took_ms = micros as f64 / 1_000.0;
        tracing::info!(
            method = exchange.method().as_str(),
            route = route.map(|route| &*route.path),
            plugin = route.map(|route| &*route.owner),
            status = status.as_u16(),
            took_ms,
            client = %exchange.client_addr().0,
            correlation_id = id.as_str(),
            "answered"
        );
    }
}

/// Whether an id from outside can stand in a log line and a header without harm.
fn is_visible(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// In whole microseconds.
fn micros(took: Duration) -> u64 {
    u64::try_from((took.as_nanos() + 500) / 1_000).unwrap_or(u64::MAX)
}

/// `12.345`: as milliseconds. Each answer has it, so it is not left to the formatting of floating point.
fn millis(micros: u64) -> Result<HeaderValue> {
    let mut whole = itoa::Buffer::new();
    let mut part = itoa::Buffer::new();
    let whole = whole.format(micros / 1_000).as_bytes();
    // A digit in front, so that there are always three behind it.
    let part = &part.format(1_000 + micros % 1_000).as_bytes()[1..];
    let mut text = [0; 24];
    let end = whole.len() + 1 + part.len();
    text[..whole.len()].copy_from_slice(whole);
    text[whole.len()] = b'.';
    text[whole.len() + 1..end].copy_from_slice(part);
    Ok(HeaderValue::from_bytes(&text[..end])?)
}

/// The highest number of an id that is part of a sample; none if no id is.
fn up_to(sample: f64) -> Option<u64> {
    // A number that is too large for the type becomes its largest.
    (sample > 0.0).then_some((sample * 2_f64.powi(64)) as u64)
}

/// The number of an id: everywhere the same, and spread over all there are. FNV-1a
/// (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>) with the finaliser of SplitMix64
/// (<https://prng.di.unimi.it/splitmix64.c>), because ids that count differ in their last digits only.
fn number(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests;
