//! The trace of a request: the caller's, or one that is made when somebody asks for it, and the same for everybody.

use super::{exchange::Exchange, known::Known, request::RequestContext};
use crate::{error::Result, trace_context::TraceContext};
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::{convert::Infallible, sync::Arc};

impl Exchange {
    /// The trace that the request belongs to: the caller's, or a new one. The first who asks has it made.
    pub fn trace(&self) -> &TraceContext {
        self.context().arrived.scope.cause().trace_or_new()
    }

    /// What is known of the request, as whoever has it sees it.
    pub(crate) fn context(&self) -> &RequestContext {
        self.shared.as_deref().unwrap_or(&self.cx)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TraceContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(match parts.extensions.get::<Arc<RequestContext>>() {
            Some(cx) => Self::clone(cx.arrived.scope.cause().trace_or_new()),
            None => Self::of(&parts.headers),
        })
    }
}

impl Known for TraceContext {
    fn known(exchange: &Exchange) -> Option<Result<Self>> {
        Some(Ok(exchange.trace().clone()))
    }
}
