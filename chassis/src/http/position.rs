//! One place in the onion: the pre-request and the post-response hook of one instance.

use super::{Response, exchange::Exchange, outcome::Outcome, problem::problem};
use crate::point::{AsyncFilter, End, Entry, FilterFn, Walk};
use std::sync::Arc;

/// A hook of either side.
pub(crate) type Hook = Entry<FilterFn<Exchange, Response>>;
pub(super) type AsyncHook = Arc<dyn AsyncFilter<Exchange, Response>>;

/// The pre-request and the post-response hook of one instance, as one place in the onion.
pub(crate) struct Position {
    /// The number of the instance in its generation.
    pub(super) owner: u32,
    pub(super) pre: Option<Hook>,
    pub(super) post: Option<Hook>,
    /// How much of the body the pre-request hook wants to see, in bytes.
    pub(super) buffered: Option<usize>,
    /// Whether there is something to await before it is entered.
    pub(super) awaits: bool,
}

impl Position {
    pub(crate) fn new(
        owner: u32,
        pre: Option<Hook>,
        post: Option<Hook>,
        buffered: Option<usize>,
    ) -> Self {
        let is_async = |pre: &Hook| matches!(pre.handler, FilterFn::Async(_));
        Self {
            awaits: buffered.is_some() || pre.as_ref().is_some_and(is_async),
            owner,
            pre,
            post,
            buffered,
        }
    }

    /// Counts it as entered; its hook, if it has one. Only now: who has not seen the request is not told of its end.
    #[inline]
    pub(super) fn begin(&self, index: usize, exchange: &mut Exchange) -> Option<&Hook> {
        exchange.entered = index + 1;
        exchange.owner = self.owner;
        self.pre.as_ref()
    }
}

impl Hook {
    /// What came of it on the way in; whether the way goes on.
    #[inline]
    pub(super) fn went_in(&self, walk: Walk<Response>, exchange: &mut Exchange) -> bool {
        match walk {
            Ok(()) => {
                exchange.follow_reroute();
                true
            }
            Err(end) => self.stopped(end, exchange),
        }
    }

    #[cold]
    #[expect(clippy::boxed_local, reason = "it comes in a box")]
    fn stopped(&self, end: Box<End<Response>>, exchange: &mut Exchange) -> bool {
        match *end {
            End::Answer(response) => exchange.put_response(response, Outcome::AnsweredEarly),
            End::Failed(error) if self.skip_on_failure => {
                exchange.forget_reroute();
                self.site.skip(&error);
                return true;
            }
            End::Failed(error) => exchange.put_response(problem(error), Outcome::Failed),
        }
        false
    }

    /// It has put another answer in place of the one that was on its way out, or failed.
    #[cold]
    #[expect(clippy::boxed_local, reason = "it comes in a box")]
    pub(super) fn turned(&self, end: Box<End<Response>>, exchange: &mut Exchange) {
        match *end {
            End::Answer(response) => exchange.put_response(response, exchange.outcome),
            End::Failed(error) if self.skip_on_failure => self.site.skip(&error),
            End::Failed(error) => exchange.put_response(problem(error), Outcome::Failed),
        }
    }

    /// One guarded call of a hook that awaits.
    pub(super) async fn call(
        &self,
        handler: &AsyncHook,
        exchange: &mut Exchange,
    ) -> Walk<Response> {
        let cause = exchange.scope().cause().clone();
        let site = &self.site;
        site.filter_async(&**handler, exchange, &cause).await
    }
}
