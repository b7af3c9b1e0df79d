//! Headers that make browsers careful, on every answer, by route.
//!
//! What browsers allow a page by default is more than most services mean to allow: to be shown in a frame of somebody else, to have
//! its type guessed, to tell other sites where somebody has come from. The headers that take this back are those of the OWASP Secure
//! Headers Project (<https://owasp.org/www-project-secure-headers/>). What a handler has set itself stays. Read it from the top: the
//! plugin, its config, its life, its work, its tests; `config.rs` is what can be set, `set.rs` what is made of it.
//!
//! ```
//! use chassis::testing::TestChassis;
//! use chassis_security_headers::SecurityHeaders;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chassis::Result<()> {
//! let app = TestChassis::with::<SecurityHeaders>().start().await?;
//! let answer = app.get("/nowhere").await;
//! assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"));
//! assert_eq!(answer.header("X-Frame-Options"), Some("DENY"));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::{RoutePattern, prelude::*};

mod config;
mod line;
mod max_age;
mod set;
mod validate;

pub use config::{HstsConfig, RouteHeaders, SecurityHeadersConfig};
pub use line::Line;
pub use max_age::MaxAge;
use set::Set;

/// Writes the headers that make browsers careful.
#[plugin]
#[derive(Debug)]
pub struct SecurityHeaders {
    /// Where other headers are wanted. The first that is for a route counts.
    by_route: Vec<(Vec<RoutePattern>, Set)>,
    everywhere: Set,
}

impl Plugin for SecurityHeaders {
    type Config = SecurityHeadersConfig;

    fn validate(config: &SecurityHeadersConfig, found: &mut Violations) {
        validate::validate(config, found);
    }

    async fn init(config: SecurityHeadersConfig, _: &mut PluginContext) -> Result<Self> {
        let by_route = config.routes.iter().map(|one| {
            let set = Set::new(&one.over(&config))?;
            Ok((one.routes.clone(), set))
        });
        Ok(Self {
            by_route: by_route.collect::<Result<_>>()?,
            everywhere: Set::new(&config)?,
        })
    }
}

// Inside of what answers for other origins (-100), and outside of all else that is shipped: on the way out it sees the answer that
// is sent.
#[contributes]
impl SecurityHeaders {
    #[filter(points::POST_RESPONSE, priority = -90)]
    fn write(&self, exchange: &mut Exchange) {
        let mut by_route = self.by_route.iter();
        let found = by_route.find(|(routes, _)| routes.iter().any(|one| one.is_for(exchange)));
        let set = found.map_or(&self.everywhere, |(_, set)| set);
        let is_secure = exchange.is_secure();
        set.write(is_secure, exchange.response_headers_mut());
    }
}

#[cfg(test)]
mod tests;
