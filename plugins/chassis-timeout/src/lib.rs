//! How long requests may take, by route: policy for what the chassis does anyway.
//!
//! The chassis cuts off a request that takes longer than `server.request_timeout`. This plugin says where it is another time: shorter
//! where nobody waits for long, longer where a request has to bring much along. It puts no hook before requests: the times are in
//! the table of routes. Read it from the top: the plugin, its config, its life, its tests.
//!
//! ```
//! use chassis::{prelude::*, testing::TestChassis};
//! use chassis_timeout::Timeout;
//! use std::time::Duration;
//!
//! /// Takes its time.
//! #[plugin]
//! async fn snail(cx: &mut PluginContext) -> Result<()> {
//!     cx.get("/race", async || tokio::time::sleep(Duration::from_secs(10)).await);
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<()> {
//! let app = TestChassis::with::<Timeout>()
//!     .plugin::<snail>()
//!     .config("plugins: {timeout: {config: {timeouts: [{routes: [/race], timeout: 2s}]}}}")
//!     .start()
//!     .await?;
//! assert_eq!(app.get("/race").await.status(), 504);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::{RoutePattern, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Says how long requests may take, by route.
#[plugin]
#[derive(Debug)]
pub struct Timeout;

/// What can be set under `plugins.timeout.config`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutConfig {
    /// How long requests may take. The first that is for the route of a request holds; where there is none, it is
    /// `server.request_timeout`.
    #[schemars(length(max = 256))]
    pub timeouts: Vec<RouteTimeout>,
}

/// One of `plugins.timeout.config.timeouts`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteTimeout {
    /// Which routes it is for: `/orders/{id}`, all below `/orders/**`, or with a method `POST /orders`.
    #[schemars(length(min = 1, max = 256))]
    pub routes: Vec<RoutePattern>,
    /// How long a request may take, from the arrival of its head until the head of the answer is ready: 1ms to 24h. It may be more
    /// than `server.request_timeout`.
    #[serde(with = "units::Time")]
    pub timeout: Duration,
}

/// Nobody waits for longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Plugin for Timeout {
    type Config = TimeoutConfig;

    fn validate(config: &TimeoutConfig, found: &mut Violations) {
        // Where each pattern stands that was read so far.
        let mut before: Vec<(String, &RoutePattern)> = Vec::new();
        for (index, entry) in config.timeouts.iter().enumerate() {
            let RouteTimeout { routes, timeout } = entry;
            if timeout.is_zero() || *timeout > LONGEST {
                let path = format!("timeouts[{index}].timeout");
                found.refuse(&path, "a request may take from 1ms to 24h");
            }
            for (number, pattern) in routes.iter().enumerate() {
                let path = format!("timeouts[{index}].routes[{number}]");
                let covering = before.iter().find(|(_, one)| covers(one, pattern));
                if let Some((place, one)) = covering {
                    let message = match *one == pattern {
                        true => format!("`{pattern}` stands in `{place}` already"),
                        false => format!("`{one}` in `{place}` is for `{pattern}` as well"),
                    };
                    let violation = found.refuse(&path, message);
                    violation.with_help(
                        "the first that is for a route holds: put it further up, or remove it",
                    );
                }
                before.push((path, pattern));
            }
        }
    }

    async fn init(config: TimeoutConfig, cx: &mut PluginContext) -> Result<Self> {
        for (index, entry) in config.timeouts.iter().enumerate() {
            let setting = format!("timeouts[{index}].timeout");
            for routes in &entry.routes {
                cx.request_timeout(routes, entry.timeout, &setting);
            }
        }
        Ok(Self)
    }
}

/// Whether one pattern is for all that another one is for, as far as their texts tell.
fn covers(one: &RoutePattern, other: &RoutePattern) -> bool {
    let (one_text, text) = (one.to_string(), other.to_string());
    match text.split_once(' ') {
        Some((method, path)) => one.is_route(&method.parse().unwrap_or_default(), path),
        // Of all methods.
        None => !one_text.contains(' ') && one.is_route(&Method::GET, &text),
    }
}

#[cfg(test)]
mod tests;
