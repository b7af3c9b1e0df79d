//! What a request is made of: routes, hooks, bodies, extractors, problems.
//!
//! The path of a request through a generation is told in [`chain`]; who listens is told in `server`.

mod layer;
mod chain;
mod table;
mod mount;
mod route;
mod exchange;
mod extract;
mod params;
mod problem;
mod request;
mod body;

pub(crate) use self::{
    body::{Held, limited},
    chain::{Around, AroundFn, Link, LinkKind, Position, failure_of, serve},
    layer::{Inside, LayerFn, Layered, erase},
    mount::{Mount, is_quiet},
    problem::{in_full, problem},
    request::{X_REQUEST_ID, client_of, request_id},
    route::{
        Endpoint, HandlerEndpoint, MethodEndpoint, RouteContribution, RoutePattern,
        check_arguments, check_path,
    },
    table::RouteTable,
};
pub use self::{
    chain::Next,
    exchange::{Exchange, Outcome},
    extract::{Json, MatchedPath, Path, Query, RawPathParams, Shared},
    request::{ClientAddr, RequestId},
    route::{Metadata, RouteInfo},
};

/// An HTTP request, as handlers get it.
pub type Request = axum::extract::Request;
/// An HTTP response, as handlers give it.
pub type Response = axum::response::Response;
#[cfg(feature = "testing")]
pub(crate) use self::problem::error_of;
pub use axum::body::Body;
