//! Calls that follow each other without a wait, under one guard: to set one up costs more than a hook that does nothing.

use super::{Site, is_timed, panics::caught, span, threads::Thread};
use crate::error::Result;
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// Calls on one thread, one after the other.
pub(crate) struct Row<'s> {
    thread: Thread,
    /// Whether each call may have a span.
    has_spans: bool,
    /// Who was called last.
    last: Cell<Option<&'s Site>>,
}

/// Makes some calls. A panic in one of them ends the row, and is the error of whoever was called. The caller knows how far the
/// row had come, and may begin another one behind it.
#[inline]
pub(crate) fn row<'s, R>(calls: impl FnOnce(&Row<'s>) -> R) -> Result<R> {
    let row = Row {
        thread: Thread::begin(),
        has_spans: span::may_be_wanted(),
        last: Cell::new(None),
    };
    // Whatever a plugin left half done stays inside the plugin: the value handed to it is dropped or restored by whoever called.
    let outcome = catch_unwind(AssertUnwindSafe(|| calls(&row)));
    row.thread.end();
    outcome.map_err(|panic| match row.last.get() {
        Some(site) => site.panicked(&caught(panic)),
        None => resume_unwind(panic),
    })
}

impl<'s> Row<'s> {
    /// Calls something that does not await.
    ///
    /// # Errors
    ///
    /// If it panicked, and was called under a guard of its own.
    #[inline]
    pub(crate) fn call<R>(&self, site: &'s Site, call: impl FnOnce() -> R) -> Result<R> {
        let calls = site.count();
        if self.has_spans || is_timed(calls) {
            return site.run_watched(is_timed(calls), call);
        }
        self.last.set(Some(site));
        Ok(self.thread.at(site.spot.number(), call))
    }
}
