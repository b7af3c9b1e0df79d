//! A span for each call into a plugin: for whoever listens, and at the price of one look at a number for all others.
//!
//! With `tracing-subscriber`'s registry a span costs thousands of instructions, more than a whole request. So these are of the
//! lowest level, and of a target of their own: nobody gets them by accident.

use super::Site;
use crate::{cause::Cause, mark::Mark, request_id::RequestId};
use tracing::{
    Level, Span,
    level_filters::{LevelFilter, STATIC_MAX_LEVEL},
};

/// What to listen to: `PUT /loggers/chassis::call` with `{"level": "trace", ..}` does, or `log.filter`.
pub(super) const TARGET: &str = "chassis::call";

/// Whether somebody may listen. Whether somebody does, the macro asks.
#[inline]
pub(super) fn may_be_wanted() -> bool {
    Level::TRACE <= STATIC_MAX_LEVEL && Level::TRACE <= LevelFilter::current()
}

impl Site {
    /// The span of one call; none if nobody listens.
    #[cold]
    pub(super) fn span(&self) -> Option<Span> {
        let span = Mark::with(|mark| {
            tracing::trace_span!(
                target: TARGET,
                "chassis.call",
                plugin = %self.plugin,
                point = %self.place,
                correlation_id = tracing::field::Empty,
                request_id = mark.and_then(id).map(tracing::field::display),
                trace_id = mark.and_then(Mark::trace_id).map(tracing::field::display),
            )
        });
        (!span.is_disabled()).then_some(span)
    }
}

fn id(mark: &Mark) -> Option<&RequestId> {
    Cause::request_id(&mark.cause)
}
