//! The trace of a request: the caller's, or one that is made when somebody asks for it, and the same for everybody. And its span, if
//! somebody listens.

use super::{exchange::Exchange, known::Known, request::RequestContext};
use crate::{error::Result, trace_context::TraceContext};
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::{convert::Infallible, sync::Arc};
use tracing::Span;

impl Exchange {
    /// The trace that the request belongs to: the caller's, or a new one. The first who asks has it made.
    pub fn trace(&self) -> &TraceContext {
        self.context().arrived.scope.cause().trace_or_new()
    }

    /// The span of the request, of the target `chassis::request`; a disabled one unless somebody listens. It has the fields
    /// `method`, `path` and `request_id`; `route` and `status` once there is an answer; and `correlation_id`, for whoever knows
    /// of one.
    pub fn span(&self) -> &Span {
        static NONE: Span = Span::none();
        self.span.as_deref().unwrap_or(&NONE)
    }

    /// Somebody listens.
    #[cold]
    pub(crate) fn set_span(&mut self, span: &Span) {
        self.span = Some(Box::new(span.clone()));
    }

    /// Says in the span what came of the request.
    pub(crate) fn tell_span(&self) {
        if let Some(span) = &self.span {
            span.record("status", self.status().as_u16());
            if let Some(route) = self.route() {
                span.record("route", &*route.path);
            }
        }
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
