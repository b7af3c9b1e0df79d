//! The mark of a request: what each line of the log says that is written while the request is worked on.
//!
//! A span says the same, and costs some 7,000 instructions a request with `tracing-subscriber`'s registry, written or not.
//! A mark costs a line of the log something, and a request that writes none nearly nothing.

use crate::{
    request_id::RequestId,
    trace_context::{TraceContext, TraceId},
};
use http::{HeaderValue, Method, uri::PathAndQuery};
use scoped_tls::scoped_thread_local;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// What a line of the log says of its request.
pub(crate) struct Mark {
    pub(crate) method: Method,
    pub(crate) path: Option<PathAndQuery>,
    pub(crate) id: RequestId,
    /// `traceparent`, as the caller has sent it.
    pub(crate) trace: Option<HeaderValue>,
}

// That of the request that this thread works on.
scoped_thread_local!(static MARK: Mark);

impl Mark {
    /// Does this work under this mark: also what it does when it is dropped half way.
    pub(crate) fn carry<'a, F: Future>(&'a self, work: Pin<&'a mut Option<F>>) -> Carried<'a, F> {
        Carried { mark: self, work }
    }

    /// The mark of the request that this thread works on.
    pub(crate) fn with<R>(read: impl FnOnce(Option<&Self>) -> R) -> R {
        if MARK.is_set() {
            MARK.with(|mark| read(Some(mark)))
        } else {
            read(None)
        }
    }

    /// The trace that it belongs to, if the caller has begun one.
    pub(crate) fn trace_id(&self) -> Option<TraceId> {
        let sent = self.trace.as_ref()?.to_str().ok()?;
        Some(TraceContext::parse(sent)?.trace_id())
    }

    /// The path, without the query: that may hold what does not belong into a log.
    pub(crate) fn path(&self) -> &str {
        self.path.as_ref().map_or("", PathAndQuery::path)
    }
}

/// Work that is done under a mark.
pub(crate) struct Carried<'a, F> {
    mark: &'a Mark,
    work: Pin<&'a mut Option<F>>,
}

impl<F: Future> Future for Carried<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { mark, work } = &mut *self;
        match work.as_mut().as_pin_mut() {
            Some(work) => MARK.set(mark, || work.poll(cx)),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Carried<'_, F> {
    fn drop(&mut self) {
        let Self { mark, work } = self;
        MARK.set(mark, || work.set(None));
    }
}
