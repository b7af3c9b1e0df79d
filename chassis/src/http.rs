//! What a request is made of: routes, hooks, bodies, extractors, problems.
//!
//! The path of a request through a generation is told in [`chain`]; who listens is told in `server`.

mod passage;
mod layer;
mod chain;
mod position;
mod terminal;
mod table;
mod mount;
mod route;
mod trace;
mod gate;
mod pattern;
mod exchange;
mod timing;
mod times;
mod response_body;
mod outcome;
mod extract;
mod describe;
mod docs;
mod known;
mod params;
mod problem;
mod request;
mod body;

pub(crate) use self::{
    body::Held,
    chain::{Around, AroundFn, Link, LinkKind, serve},
    describe::Described,
    gate::{Admitted, Asked, Gate, Refusal},
    layer::{Inside, LayerFn, Layered, erase},
    mount::{Mount, has_route, is_quiet},
    position::Position,
    problem::{failure_of, in_full, problem, told_in_full},
    request::{Arrived, RequestContext, client_of},
    response_body::was_whole,
    route::{
        CallMethod, Endpoint, HandlerEndpoint, MethodEndpoint, OWN, RouteContribution,
        check_arguments, check_path,
    },
    table::RouteTable,
    times::RequestTime,
    timing::SERVER_TIMING,
};
pub use self::{
    chain::Next,
    describe::{
        AnswerBare, AnswerKnown, AnswerUnknown, Answered, ArgumentBare, ArgumentKnown,
        ArgumentUnknown, Describing,
    },
    docs::RouteDocs,
    exchange::Exchange,
    extract::{Json, MatchedPath, Path, Query, RawPathParams, Shared},
    known::{Argument, AsksExchange, AsksRequest, Known},
    outcome::Outcome,
    pattern::RoutePattern,
    request::ClientAddr,
    route::{Metadata, RouteInfo},
};

/// An HTTP request, as handlers get it.
pub type Request = axum::extract::Request;
/// An HTTP response, as handlers give it.
pub type Response = axum::response::Response;
#[cfg(feature = "testing")]
pub(crate) use self::problem::error_of;
pub use axum::body::Body;
