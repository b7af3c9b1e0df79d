//! Panics that are caught: what was said, and where.

use super::{
    Spot,
    threads::{NOBODYS, at, is_at_a_place},
};
use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    task::Poll,
};

/// A panic that was caught.
#[derive(Debug)]
pub(crate) struct Panicked {
    /// What was said.
    pub(crate) text: String,
    /// Where, if the panic hook of `chassis::main` is there to tell.
    pub(crate) place: Option<String>,
}

thread_local! {
    /// The place of a panic on its way to whoever catches it.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Calls something that may panic, and is nobody's.
pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, Box<Panicked>> {
    at(NOBODYS, || catch_unwind(AssertUnwindSafe(call))).map_err(caught)
}

impl Spot {
    /// Calls something that may panic.
    #[inline]
    pub(super) fn catch<R>(&self, call: impl FnOnce() -> R) -> Result<R, Box<Panicked>> {
        // Whatever the plugin left half done stays inside the plugin: the value handed to it is dropped or restored by
        // whoever called.
        let outcome = self.at(|| catch_unwind(AssertUnwindSafe(call)));
        outcome.map_err(caught)
    }
}

/// Awaits something that may panic, and of which nobody is told if it blocks its thread.
pub(crate) async fn catch_async<R>(call: impl Future<Output = R>) -> Result<R, Box<Panicked>> {
    let mut call = pin!(call);
    std::future::poll_fn(|cx| outcome(catch(|| call.as_mut().poll(cx)))).await
}

/// Awaits something that may panic, and is somebody's.
async fn catch_at<R>(spot: &Spot, call: impl Future<Output = R>) -> Result<R, Box<Panicked>> {
    let mut call = pin!(call);
    std::future::poll_fn(|cx| outcome(spot.catch(|| call.as_mut().poll(cx)))).await
}

fn outcome<R>(polled: Result<Poll<R>, Box<Panicked>>) -> Poll<Result<R, Box<Panicked>>> {
    match polled {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panicked) => Poll::Ready(Err(panicked)),
    }
}

/// Awaits something on behalf of another thread, which catches its panic: with the place, which only this one knows.
pub(crate) async fn carry<R>(spot: Spot, call: impl Future<Output = R>) -> R {
    match catch_at(&spot, call).await {
        Ok(value) => value,
        Err(panicked) => resume_unwind(panicked),
    }
}

/// Keeps the place of a panic for whoever will catch it; false if nobody will.
pub(crate) fn keep_place(place: &str) -> bool {
    // Whoever is called at a place is called by who catches.
    if cfg!(panic = "abort") || !is_at_a_place() {
        return false;
    }
    // One that is there still was not caught by us: it may be a panic while another unwinds, which ends the process.
    PLACE
        .try_with(|kept| kept.replace(Some(place.to_owned())).is_none())
        .unwrap_or(false)
}

#[cold]
pub(super) fn caught(panic: Box<dyn Any + Send>) -> Box<Panicked> {
    let place = PLACE.take();
    panic.downcast::<Panicked>().unwrap_or_else(|panic| {
        let text = panic_text(&*panic).to_owned();
        Box::new(Panicked { text, place })
    })
}

/// What was said in a `panic!`.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(not a text)")
}
