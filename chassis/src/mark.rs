//! The mark of a request or an event: what each line of the log says that is written while it is worked on.
//!
//! A span says the same, and costs some 7,000 instructions a request with `tracing-subscriber`'s registry, written or not.
//! A mark costs a line of the log something, and a request that writes none nearly nothing.

use crate::{
    cause::Cause,
    request_id::RequestId,
    trace_context::{TraceContext, TraceId},
};
use http::Method;
use scoped_tls::scoped_thread_local;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// What a line of the log says of what it was written for.
pub(crate) struct Mark {
    pub(crate) of: Of,
    pub(crate) cause: Cause,
}

/// What is worked on.
pub(crate) enum Of {
    Request {
        method: Method,
        /// As it is declared: in a path there may be a secret, and nobody can count by it.
        route: Option<Arc<str>>,
    },
    Event {
        topic: Arc<str>,
        id: RequestId,
    },
}

// That of what this thread works on.
scoped_thread_local!(static MARK: Mark);

impl Mark {
    /// Does this work under this mark: also what it does when it is dropped half way.
    pub(crate) fn carry<'a, F: Future>(&'a self, work: Pin<&'a mut Option<F>>) -> Carried<'a, F> {
        Carried { mark: self, work }
    }

    /// The mark of what this thread works on.
    pub(crate) fn with<R>(read: impl FnOnce(Option<&Self>) -> R) -> R {
        if MARK.is_set() {
            MARK.with(|mark| read(Some(mark)))
        } else {
            read(None)
        }
    }

    /// The trace that it belongs to, if there was one when the work began.
    pub(crate) fn trace_id(&self) -> Option<TraceId> {
        Some(self.cause.trace()?.trace_id())
    }
}

impl TraceContext {
    /// The trace of the request or event that is worked on: for whoever is handed neither, as handlers at extension points. None
    /// if it came with none, and in tasks of their own.
    ///
    /// ```
    /// use chassis::{TraceContext, prelude::*};
    ///
    /// /// What something costs in another currency.
    /// #[extension_point]
    /// pub static RATE: CallPoint<String, f64> = CallPoint::new("shop.rate");
    ///
    /// /// Asks another service for rates.
    /// #[plugin]
    /// async fn rates(cx: &mut PluginContext) -> Result<()> {
    ///     cx.call(&RATE, async |_: &String| {
    ///         let mut headers = HeaderMap::new();
    ///         if let Some(trace) = TraceContext::current() {
    ///             trace.child().inject(&mut headers);
    ///         }
    ///         // client.get("http://rates.internal/").headers(headers) ..
    ///         Some(1.0)
    ///     });
    ///     Ok(())
    /// }
    /// ```
    pub fn current() -> Option<Self> {
        Mark::with(|mark| mark?.cause.trace().map(|trace| Self::clone(trace)))
    }
}

impl RequestId {
    /// The id of the request that is worked on, or that the event follows from. None in tasks of their own.
    pub fn current() -> Option<Self> {
        Mark::with(|mark| mark?.cause.request_id().cloned())
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
