//! How long requests may take, by route.

use super::Contributions;
use crate::http::{RequestTime, RoutePattern};
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

/// The clock can't count much further, and nobody waits for that long.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Contributions {
    /// Says how long requests to these routes may take, in place of `server.request_timeout`: shorter or longer, up to 24 hours.
    /// The first that is for a request holds, in the order of the plugins and of their calls of this.
    ///
    /// The time counts from the arrival of the head, and is that of the whole request: who the caller is, all hooks, the body of
    /// the request as far as it is read, the handler. It ends with the head of the answer. Who takes longer is answered with 504;
    /// `setting` is the key under `plugins.NAME.config` that says how long it is, and the answer names it. Where no route
    /// is declared (mounted routers, 404), paths are compared. The routes of the chassis itself have no other time.
    ///
    /// ```
    /// use chassis::{RoutePattern, prelude::*};
    /// use std::time::Duration;
    ///
    /// /// Gives uploads ten minutes.
    /// #[plugin]
    /// async fn patient(cx: &mut PluginContext) -> Result<()> {
    ///     let uploads: RoutePattern = "POST /uploads/**".parse().map_err(Error::msg)?;
    ///     cx.request_timeout(&uploads, Duration::from_secs(600), "uploads");
    ///     Ok(())
    /// }
    /// ```
    pub fn request_timeout(&mut self, routes: &RoutePattern, timeout: Duration, setting: &str) {
        self.times.push(Arc::new(RequestTime {
            routes: routes.clone(),
            timeout: timeout.min(LONGEST),
            setting: format!("plugins.{}.config.{setting}", self.owner).into(),
            expired: AtomicU64::new(0),
        }));
    }
}
