//! `/livez`, `/readyz`, `/startupz` on the listener of the service: a probe of another port would prove too little.
//!
//! They are routes like any other, but of nobody's: no hook stands before them, and no plugin can have one of the paths. A
//! pattern that would match them, and a mounted router, does not see them.

use super::Parts;
use crate::{
    call::{Bounds, BoxFuture},
    http::{Endpoint, Exchange, Metadata, OWN, Response, RouteContribution, RouteInfo},
    instance::{Record, not_alive, not_ready},
};
use axum::response::IntoResponse as _;
use http::{HeaderValue, Method, StatusCode, header};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a probe wants to know.
#[derive(Clone, Copy)]
enum Wanted {
    Live,
    Ready,
    Startup,
}

/// Answers from memory.
struct Probe {
    wanted: Wanted,
    records: Vec<Arc<Record>>,
    closing: CancellationToken,
}

/// The routes; none if `server.probes` is off.
pub(super) fn routes(parts: &Parts<'_>) -> Vec<RouteContribution> {
    if !parts.config.settings().server.probes {
        return Vec::new();
    }
    let all = [
        ("/livez", Wanted::Live),
        ("/readyz", Wanted::Ready),
        ("/startupz", Wanted::Startup),
    ];
    let route = |(path, wanted): (&str, Wanted)| {
        let info = RouteInfo {
            method: Method::GET,
            path: path.into(),
            owner: OWN.into(),
            origin: "`server.probes`".into(),
            metadata: Metadata::default(),
        };
        RouteContribution {
            info: Arc::new(info),
            endpoint: Arc::new(Probe {
                wanted,
                records: parts.records.clone(),
                closing: parts.closing.clone(),
            }),
            gate: None,
            handler: "",
            described: None,
            is_bare: true,
            arguments: String::new(),
            deadline: None,
            bounds: Bounds::default(),
            stats: Arc::default(),
            ward: None,
        }
    };
    all.map(route).into()
}

impl Probe {
    fn is_well(&self) -> bool {
        match self.wanted {
            Wanted::Live => not_alive(&self.records).is_none(),
            Wanted::Ready => !self.closing.is_cancelled() && not_ready(&self.records).is_none(),
            // Whoever is asked here has a generation that serves.
            Wanted::Startup => true,
        }
    }
}

impl Endpoint for Probe {
    fn call<'a>(&'a self, _: &mut Exchange) -> BoxFuture<'a, Response> {
        // Why not, is told to operators alone.
        let (status, said) = match self.is_well() {
            true => (StatusCode::OK, "ok\n"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "not now\n"),
        };
        let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let response = (status, [no_store], said).into_response();
        Box::pin(std::future::ready(response))
    }
}
