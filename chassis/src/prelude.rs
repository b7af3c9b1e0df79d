//! The names that nearly every plugin needs: `use chassis::prelude::*`.

pub use crate::{
    ActionPoint, Background, CallPoint, Chassis, ClientAddr, Code, Context, Contributions, Error,
    Event, Events, Exchange, FilterPoint, Flow, Health, Json, MatchedPath, Message, MetricSample,
    Next, NoConfig, Path, Plugin, PluginContext, PointSpec, Principal, ProviderPoint, Public,
    Query, RawPathParams, Request, RequestId, Response, Result, Roles, RouteDocs, Scope, Secret,
    Shared, Violations, points, units,
};
pub use axum::response::IntoResponse;
pub use chassis_macros::*;
pub use http::{HeaderMap, HeaderValue, Method, StatusCode};
pub use std::sync::Arc;
