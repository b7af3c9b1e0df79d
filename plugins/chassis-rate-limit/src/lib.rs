//! Limits how often somebody may ask: by client, by a header, by who the caller is.
//!
//! Each limit is a bucket of tokens for each caller: `burst` tokens fit into it, `rate` says how fast they come back, and a
//! request takes one. Who has none left is answered 429 before the handler is called, and told when to come back. Read it from
//! the top: the plugin, its config, its life, its work, its tests; `store.rs` is the table of the callers.
//!
//! ```
//! use chassis::testing::TestChassis;
//! use chassis_rate_limit::RateLimit;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chassis::Result<()> {
//! let app = TestChassis::with::<RateLimit>()
//!     .config("plugins: {rate-limit: {config: {limits: [{by: client, rate: 1/h, burst: 2}]}}}")
//!     .start()
//!     .await?;
//! assert_eq!(app.get("/nowhere").await.status(), 404);
//! assert_eq!(app.get("/nowhere").await.status(), 404);
//! let answer = app.get("/nowhere").await;
//! assert_eq!(answer.status(), 429);
//! assert!(answer.header("Retry-After").is_some());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::{
    RouteInfo,
    axum::http::{HeaderName, header::RETRY_AFTER},
    prelude::*,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

mod limit;
mod rate;
// Not for others: a test looks at what it takes, alone in its process.
#[doc(hidden)]
pub mod store;

use limit::Limit;
pub use limit::{By, LimitConfig, Name};
pub use rate::{Per, Rate};
use store::{Ask, Store};

/// Refuses who asks too often, with 429 and the time to wait.
#[plugin]
#[derive(Debug)]
pub struct RateLimit {
    limits: Vec<Limit>,
    max_keys: usize,
    ipv6_prefix: u8,
    store: Arc<Store>,
    /// How many callers had found no room when the health check looked last.
    shared_before: AtomicU64,
}

/// What can be set under `plugins.rate-limit.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// The limits. A request has to be within all that are for its route. By default there is one that keeps single clients from
    /// flooding the service; an empty list limits nothing.
    #[schemars(length(max = 32))]
    pub limits: Vec<LimitConfig>,
    /// How many callers are remembered at once, those of all limits together: each takes up to 32 bytes. Who has got all tokens
    /// back is forgotten when there is need.
    #[schemars(range(min = 1000, max = 100_000_000))]
    pub max_keys: usize,
    /// The IPv6 addresses that have this many bits in common are one client. A network at home has a /64, or more.
    #[schemars(range(min = 1, max = 128))]
    pub ipv6_prefix: u8,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            limits: vec![LimitConfig::generous()],
            max_keys: 1_000_000,
            ipv6_prefix: 64,
        }
    }
}

static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Somebody has asked too often.
pub const EXCEEDED: Code = Code::new(
    "rate_limit.exceeded",
    429,
    "There were too many requests; `Retry-After` says when to come back.",
);

impl Plugin for RateLimit {
    type Config = RateLimitConfig;

    fn validate(config: &RateLimitConfig, found: &mut Violations) {
        let names = limit::names(&config.limits);
        for (index, name) in names.iter().enumerate() {
            if let Some(before) = names[..index].iter().position(|other| other == name) {
                let (before, index) = (before + 1, index + 1);
                let message = format!("limits {before} and {index} are both called `{name}`");
                let violation = found.refuse("limits", message);
                violation.with_help("give one of them another `name`");
            }
        }
    }

    async fn init(config: RateLimitConfig, cx: &mut PluginContext) -> Result<Self> {
        let names = limit::names(&config.limits);
        let limits = config.limits.into_iter().zip(names);
        // Who was refused before a reload stays refused after it.
        let store = cx.handed_over();
        Ok(Self {
            limits: limits
                .map(|(limit, name)| Limit::new(limit, name, cx.meter()))
                .collect::<Result<_>>()?,
            max_keys: config.max_keys,
            ipv6_prefix: config.ipv6_prefix,
            store: store.unwrap_or_default(),
            shared_before: AtomicU64::new(0),
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let store = Arc::clone(&self.store);
        to.hand_over(async move || Ok(store));
        match self.limits.is_empty() {
            true => tracing::warn!("there are no `limits`: nothing is limited"),
            false => to.blocks(self),
        }
        self.limits.iter().for_each(|limit| limit.describe(to));
        Ok(())
    }
}

#[contributes]
impl RateLimit {
    // Inside of what traces requests, so that those that are refused are traced, too. Who the caller is, is known before
    // the first hook.
    #[filter(points::PRE_REQUEST, priority = 20)]
    fn admit(&self, exchange: &mut Exchange) -> Flow {
        let mut asks: Vec<Ask> = Vec::new();
        let limits = self.limits.iter().enumerate();
        for (index, limit) in limits.filter(|(_, limit)| is_for(limit, exchange)) {
            let key = limit.key(exchange, self.ipv6_prefix, &self.store);
            asks.push(Ask::new(index, limit.bucket, key));
        }
        if asks.is_empty() {
            return Flow::Continue;
        }
        let is_allowed = self
            .store
            .take(exchange.started(), self.max_keys, &mut asks);
        // They stay, whoever answers.
        let headers = exchange.response_headers_mut();
        for ask in &asks {
            let limit = &self.limits[ask.limit];
            headers.append(&POLICY, limit.policy.clone());
            headers.append(&STATE, limit.state(ask));
            limit.count(ask, is_allowed);
        }
        if is_allowed {
            return Flow::Continue;
        }
        let refused = asks.iter().filter(|ask| ask.is_refused());
        let Some(longest) = refused.max_by_key(|ask| ask.wait) else {
            return Flow::Continue;
        };
        headers.insert(RETRY_AFTER, seconds(longest.wait).into());
        Flow::respond(self.limits[longest.limit].error(longest))
    }

    #[health]
    async fn room(&self) -> Health {
        let shared = self.store.shared();
        let before = self.shared_before.swap(shared, Relaxed);
        let health = match shared == before {
            true => Health::up(),
            false => Health::degraded(
                "there is no room for all callers: those without share their tokens; `max_keys` can be more",
            ),
        };
        health.with("max_keys", self.max_keys)
    }

    #[metrics]
    async fn measure(&self) -> Vec<MetricSample> {
        let held = self.store.held().await;
        vec![
            MetricSample::gauge("rate_limit.keys", held as f64)
                .help("Callers whose tokens are not all there."),
            MetricSample::gauge("rate_limit.table.bytes", self.store.bytes() as f64)
                .help("What the table of callers takes."),
            MetricSample::counter("rate_limit.evicted", self.store.evicted() as f64)
                .help("Callers that had all tokens back, and have made room for others."),
            MetricSample::counter("rate_limit.shared", self.store.shared() as f64)
                .help("Requests of callers for whom there was no room."),
        ]
    }
}

/// Whether a limit is for this request. What the chassis answers itself (probes, documents) is limited by nobody: a load balancer
/// that is refused would take the service for dead.
fn is_for(limit: &Limit, exchange: &Exchange) -> bool {
    match exchange.route() {
        Some(RouteInfo { owner, .. }) if &**owner == "chassis" => false,
        _ => limit.routes.iter().any(|routes| routes.is_for(exchange)),
    }
}

/// Whole seconds, rounded up: who comes back then is not refused again.
fn seconds(nanos: u64) -> u64 {
    nanos.div_ceil(1_000_000_000)
}

#[cfg(test)]
mod tests;
