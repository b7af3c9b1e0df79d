//! The trace of a request: read or made when somebody asks for it, and the same for everybody.

use super::{exchange::Exchange, known::Known, request::RequestContext};
use crate::{
    error::Result,
    trace_context::{TRACEPARENT, TraceContext},
};
use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderValue, request::Parts};
use std::{convert::Infallible, sync::Arc};

impl Exchange {
    /// The trace that the request belongs to: the caller's, or a new one. The first who asks has it read or made.
    pub fn trace(&self) -> &TraceContext {
        let cx = self.shared.as_deref().unwrap_or(&self.cx);
        cx.trace
            .get_or_init(|| Arc::new(TraceContext::of(self.headers())))
    }

    /// `traceparent`, if the caller has sent one. Of two, neither is believed.
    #[inline]
    pub(crate) fn sent_trace(&self) -> Option<&HeaderValue> {
        match self.cx.arrived.has_trace {
            true => {
                let mut sent = self.headers().get_all(&TRACEPARENT).into_iter();
                sent.next().filter(|_| sent.next().is_none())
            }
            false => None,
        }
    }

    /// Reads what the caller says of its trace, before the headers are gone.
    #[inline]
    pub(super) fn remember_trace(&self) {
        if self.cx.arrived.has_trace {
            self.trace();
        }
    }
}

impl RequestContext {
    /// The trace, if the caller has sent one, or somebody has asked for it.
    pub(crate) fn known_trace(&self, headers: &HeaderMap) -> Option<Arc<TraceContext>> {
        let is_known = self.arrived.has_trace && headers.contains_key(&TRACEPARENT);
        if is_known {
            let trace = || Arc::new(TraceContext::of(headers));
            return Some(Arc::clone(self.trace.get_or_init(trace)));
        }
        self.trace.get().cloned()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TraceContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(match parts.extensions.get::<Arc<RequestContext>>() {
            Some(cx) => {
                let trace = cx.trace.get_or_init(|| Arc::new(Self::of(&parts.headers)));
                Self::clone(trace)
            }
            None => Self::of(&parts.headers),
        })
    }
}

impl Known for TraceContext {
    fn known(exchange: &Exchange) -> Option<Result<Self>> {
        Some(Ok(exchange.trace().clone()))
    }
}
