//! Correlation ids and timings on every request: the model of a middleware plugin.
//!
//! A middleware plugin stands around handlers it does not know. This one is a pair of hooks: on the way in it finds
//! or makes the request's correlation id, on the way out it writes that id and the time taken on the answer,
//! whatever the answer is: of a handler, a 404, an error, a panic. Read it from the top: the plugin, its config, its
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

/// Gives every request a correlation id, and every response its timing.
#[plugin]
#[derive(Debug)]
pub struct RequestTracing {
    correlation_header: HeaderName,
    timing_header: HeaderName,
}

/// What can be set under `plugins.request-tracing.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestTracingConfig {
    /// The header that carries the correlation id, of requests and of responses.
    pub correlation_header: String,
    /// The header of responses that says how long the request took, in milliseconds.
    pub timing_header: String,
}

impl Default for RequestTracingConfig {
    fn default() -> Self {
        Self {
            correlation_header: "X-Correlation-ID".to_owned(),
            timing_header: "X-Processing-Time".to_owned(),
        }
    }
}

/// The correlation id of a request. Handlers get it as `Extension<CorrelationId>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrelationId(Arc<str>);

impl CorrelationId {
    /// The id as a text: letters, digits, `-`, `_` and `.`.
    pub fn as_str(&self) -> &str {
        &self.0
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

// Both hooks say 10, so that they are one place in the onion: whoever stands further out (authentication, say) may
// refuse a request before it is traced, and whoever stands further in sees its id.
#[contributes]
impl RequestTracing {
    #[filter(points::PRE_REQUEST, priority = 10)]
    fn begin(&self, exchange: &mut Exchange) -> Result<()> {
        let given = exchange.headers().get(&self.correlation_header);
        let given = given
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_plain(id));
        let id: Arc<str> = given.unwrap_or(exchange.request_id().as_str()).into();
        let value = HeaderValue::from_str(&id)?;
        exchange
            .headers_mut()
            .insert(&self.correlation_header, value.clone());
        exchange.extensions_mut().insert(CorrelationId(id));
        exchange.keep(value);
        Ok(())
    }

    #[filter(points::POST_RESPONSE, priority = 10)]
    fn end(&self, exchange: &mut Exchange) -> Result<()> {
        let took_ms = exchange.started().elapsed().as_secs_f64() * 1_000.0;
        if let Some(id) = exchange.kept::<HeaderValue>().cloned() {
            tracing::debug!(correlation_id = ?id, took_ms, status = exchange.status().as_u16(), "answered");
            exchange
                .response_headers_mut()
                .insert(&self.correlation_header, id);
        }
        let timing = HeaderValue::from_str(&format!("{took_ms:.3}"))?;
        exchange
            .response_headers_mut()
            .insert(&self.timing_header, timing);
        Ok(())
    }
}

/// Whether an id from outside can stand in a log line and a header without harm.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests;
