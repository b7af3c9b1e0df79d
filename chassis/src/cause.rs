//! On whose behalf something is done: the request, and the trace that it belongs to.

use crate::{request_id::RequestId, trace_context::TraceContext};
use std::sync::{Arc, OnceLock};

/// The request or event that something is done for.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// [`RequestId::NONE`] outside of requests.
    request_id: RequestId,
    /// That of the caller, or one that was begun because somebody asked.
    trace: OnceLock<Arc<TraceContext>>,
}

/// Of what is done for nobody in particular.
pub(crate) static NOBODY: Cause = Cause {
    request_id: RequestId::NONE,
    trace: OnceLock::new(),
};

impl Cause {
    pub(crate) fn new(request_id: RequestId, trace: Option<Arc<TraceContext>>) -> Self {
        Self {
            request_id,
            trace: trace.map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    /// The id of the request, if it is one.
    pub(crate) fn request_id(&self) -> Option<&RequestId> {
        Some(&self.request_id).filter(|id| !id.is_none())
    }

    /// The same, of one that is.
    pub(crate) fn id(&self) -> &RequestId {
        &self.request_id
    }

    /// The trace, if there is one.
    pub(crate) fn trace(&self) -> Option<&Arc<TraceContext>> {
        self.trace.get()
    }

    /// The trace, or a new one that everybody gets from now on who asks for that of this request.
    pub(crate) fn trace_or_new(&self) -> &Arc<TraceContext> {
        self.trace.get_or_init(|| Arc::new(TraceContext::new()))
    }

    /// Takes over a trace that was begun since this was cloned.
    pub(crate) fn take_trace(&mut self, other: &Self) {
        self.trace.clone_from(&other.trace);
    }
}
