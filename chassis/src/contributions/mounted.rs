//! Routers of axum, mounted as they are.

use super::Contributions;
use crate::http::Mount;
use std::sync::Arc;

impl Contributions {
    /// Mounts an axum router. The routes of plugins come first; a route that both claim is an error at start.
    #[track_caller]
    pub fn router(&mut self, router: axum::Router) {
        self.mounts
            .push(Mount::here(Arc::clone(&self.owner), router));
    }

    /// Mounts an axum router that brings its document along: OpenAPI 3.1, as `utoipa` and its like make one. (Nobody can look
    /// into a router.) `GET /openapi.json` shows it with the routes of plugins. Components that are called as others get
    /// another name; a route that is described twice is an error at start, as is a document of another version.
    #[track_caller]
    pub fn router_with_openapi(&mut self, router: axum::Router, document: serde_json::Value) {
        let mount = Mount::here(Arc::clone(&self.owner), router);
        self.mounts.push(mount.described(document));
    }
}
