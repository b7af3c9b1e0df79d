//! `GET /openapi.json`: all endpoints, for programs.

use super::{endpoint::TAGS, index::ENDPOINTS};
use crate::{error::Result, http::Json, openapi::Document};
use serde_json::Value;

/// Whoever generates a client from it, or checks the answers by it, finds there what the router has, and nothing else.
const ABOUT: &str = "The management endpoints of a service that is built on chassis. Every error is an \
    `application/problem+json` with a stable `code`.";

pub(super) async fn document() -> Result<Json<Value>> {
    // On a thread of its own: the supervisor has others to look after.
    let document = tokio::task::spawn_blocking(|| {
        let mut document = Document::new("chassis management", env!("CARGO_PKG_VERSION"), ABOUT);
        for (name, description) in TAGS {
            document.tag(name, description);
        }
        for endpoint in ENDPOINTS {
            endpoint.describe(&mut document);
        }
        document.finish()
    });
    Ok(Json(document.await?))
}
