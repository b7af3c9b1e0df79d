//! How a request ended.

/// How a request ended, as far as is known when a post-response hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing has answered yet.
    Pending,
    /// The handler answered, or the chassis itself did with 404, 405 or 413.
    Answered,
    /// A hook, an around or a layer answered before the handler was called, or the caller may not call it.
    AnsweredEarly,
    /// Something failed: a hook, the handler's guard, a mounted service.
    Failed,
    /// The handler panicked.
    Panicked,
    /// The request took longer than it may, or an around or a layer gave up on what is inside it.
    Deadline,
    /// The client went away; nobody reads the answer.
    ClientGone,
}
