//! The onion: hooks, arounds and tower layers around a handler, in one order.
//!
//! ```text
//! request ->  first.pre -> middle.pre -> last.pre -> handler
//! response <- first.post <- middle.post <- last.post <-
//! ```
//!
//! Every position that was entered is left exactly once, in reverse, whatever happened: `Exchange::entered` counts
//! them, and is lowered *before* a post-response hook is called, so that nothing can run one twice.

use super::{
    Request, Response,
    exchange::Exchange,
    gate,
    layer::{self, Layered},
    outcome::Outcome,
    pattern::RoutePattern,
    position::{AsyncHook, Hook, Position},
    problem::problem,
    route::RouteInfo,
    terminal::terminal,
    times,
};
use crate::{
    call::{BoxFuture, Row, row},
    point::{End, Entry, FilterFn},
    text,
};
use futures_util::FutureExt as _;
use std::{future::poll_fn, ops::Range, pin::pin, sync::Arc, task::Poll, time::Duration};

/// What takes part in a request: one thing in the order of `middleware.*` and `http.layers`.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) routes: Option<RoutePattern>,
    pub(crate) kind: LinkKind,
}

#[derive(Clone)]
pub(crate) enum LinkKind {
    Hooks(Arc<Position>),
    Around(Arc<Entry<AroundFn>>),
    Layer(Arc<Layered>),
}

/// How far the way in has led.
enum Step {
    Through,
    Ended,
    /// This position has something to await.
    Awaits(usize),
}

/// A handler at `middleware.around`.
pub(crate) trait Around: Send + Sync {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Response>;
}

pub(crate) type AroundFn = Arc<dyn Around>;

/// The part of the onion inside an around: the rest of the chain, and the handler.
///
/// ```
/// use chassis::prelude::*;
///
/// async fn timed(request: Request, next: Next<'_>) -> Response {
///     let since = std::time::Instant::now();
///     let response = next.run(request).await;
///     println!("{:?}", since.elapsed());
///     response
/// }
/// ```
#[must_use = "without `run` the handler is not called"]
pub struct Next<'a> {
    chain: &'a Chain,
    segment: usize,
    exchange: &'a mut Exchange,
}

impl<'a> Next<'a> {
    /// Calls what is inside, and gives its answer.
    pub fn run(self, request: Request) -> impl Future<Output = Response> + Send + use<'a> {
        let Self {
            chain,
            segment,
            exchange,
        } = self;
        // At once: a future that held the request would be copied with it, again and again.
        exchange.put_request(request);
        async move {
            chain.inner(segment, exchange).await;
            exchange.lend_response()
        }
    }
}

impl std::fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next")
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

/// How long a hook may take on the way out when the time of the request itself is over.
const WAY_OUT: Duration = Duration::from_secs(5);

/// The onion of one route, compiled: neighbouring hooks are one segment, and run in a loop.
pub(crate) struct Chain {
    positions: Box<[Arc<Position>]>,
    segments: Box<[Segment]>,
}

enum Segment {
    Hooks(Range<usize>),
    /// An around, and how many positions stand outside it.
    Around(Arc<Entry<AroundFn>>, usize),
    Layer(Arc<Layered>, usize),
}

impl Chain {
    /// The links that are for this route (or for no route in particular), as a chain.
    pub(crate) fn compile(links: &[Link], route: Option<&RouteInfo>) -> Self {
        let is_for = |link: &&Link| match (&link.routes, route) {
            (None, _) => true,
            (Some(pattern), Some(route)) => pattern.is_route(&route.method, &route.path),
            (Some(_), None) => false,
        };
        let mut positions = Vec::new();
        let mut segments = Vec::new();
        for link in links.iter().filter(is_for) {
            let outside = positions.len();
            match &link.kind {
                LinkKind::Hooks(position) => {
                    positions.push(Arc::clone(position));
                    match segments.last_mut() {
                        Some(Segment::Hooks(range)) => range.end += 1,
                        _ => segments.push(Segment::Hooks(outside..outside + 1)),
                    }
                }
                LinkKind::Around(around) => {
                    segments.push(Segment::Around(Arc::clone(around), outside));
                }
                LinkKind::Layer(layer) => segments.push(Segment::Layer(Arc::clone(layer), outside)),
            }
        }
        Self {
            positions: positions.into(),
            segments: segments.into(),
        }
    }

    /// Whose arounds and layers are in it.
    pub(super) fn wrappers(&self) -> Vec<Arc<str>> {
        let wrapper = |segment: &Segment| match segment {
            Segment::Hooks(_) => None,
            Segment::Around(around, _) => Some(Arc::clone(&around.site.plugin)),
            Segment::Layer(layered, _) => Some(Arc::clone(&layered.site.plugin)),
        };
        self.segments.iter().filter_map(wrapper).collect()
    }

    /// Takes an exchange through the whole onion; its response is ready afterwards.
    async fn run(&self, exchange: &mut Exchange) {
        // The common case, hooks and a handler, needs no box for the recursion.
        match self.segments.first() {
            None => terminal(exchange).await,
            Some(Segment::Hooks(range)) if self.segments.len() == 1 => {
                if self.enter(range.clone(), exchange).await {
                    terminal(exchange).await;
                }
                self.leave(range.start, exchange).await;
            }
            Some(_) => self.inner(0, exchange).await,
        }
    }

    /// The chain from this segment on, and the handler.
    pub(super) fn inner<'a>(
        &'a self,
        segment: usize,
        exchange: &'a mut Exchange,
    ) -> BoxFuture<'a, ()> {
        exchange.reached = segment;
        // Each in a box of its own size: that of an around is small, and there may be many.
        match self.segments.get(segment) {
            None => Box::pin(terminal(exchange)),
            Some(Segment::Hooks(range)) => Box::pin(async move {
                if self.enter(range.clone(), exchange).await {
                    self.inner(segment + 1, exchange).await;
                }
                self.leave(range.start, exchange).await;
            }),
            Some(Segment::Around(around, outside)) => {
                Box::pin(self.through_around(around, segment, *outside, exchange))
            }
            Some(Segment::Layer(layered, outside)) => Box::pin(async move {
                let since = exchange.clock();
                let response = layer::travel(layered, segment + 1, exchange).await;
                exchange.took(&layered.site, since);
                match response {
                    Ok(response) => come_out(segment, exchange, response),
                    Err(error) => exchange.fail(error),
                }
                // One that gave up on its inside (a time-out) leaves hooks in there behind. They see its answer.
                self.leave(*outside, exchange).await;
            }),
        }
    }

    async fn through_around(
        &self,
        around: &Entry<AroundFn>,
        segment: usize,
        outside: usize,
        exchange: &mut Exchange,
    ) {
        let since = exchange.clock();
        // Request and response stay inside the guard: they are large, and would be moved at each step out.
        let answered = async {
            let request = exchange.take_request();
            let next = Next {
                chain: self,
                segment: segment + 1,
                exchange: &mut *exchange,
            };
            let response = around.handler.call(request, next).await;
            come_out(segment, exchange, response);
            Ok(())
        };
        if let Err(error) = around.site.run(answered).await {
            layer::recall(exchange);
            exchange.fail(error);
        }
        exchange.took(&around.site, since);
        self.leave(outside, exchange).await;
    }

    /// The way in; whether the handler is to be called.
    async fn enter(&self, range: Range<usize>, exchange: &mut Exchange) -> bool {
        let mut next = range.start;
        loop {
            match self.enter_sync(next, range.end, exchange) {
                Step::Through => return true,
                Step::Ended => return false,
                Step::Awaits(at) => next = at,
            }
            let position = &*self.positions[next];
            if let Some(limit) = position.buffered
                && let Err(error) = Box::pin(exchange.buffer(limit.min(exchange.max_body))).await
            {
                exchange.put_response(problem(error), Outcome::Answered);
                return false;
            }
            let Some(pre) = position.begin(next, exchange) else {
                next += 1;
                continue;
            };
            let since = exchange.clock();
            let walk = match &pre.handler {
                FilterFn::Sync(handler) => pre.site.filter(handler, exchange),
                FilterFn::Async(handler) => Box::pin(pre.call(handler, exchange)).await,
            };
            exchange.took(&pre.site, since);
            if !pre.went_in(walk, exchange) {
                return false;
            }
            next += 1;
        }
    }

    /// The way in as far as nothing has to be awaited: a plain loop, because a future keeps what it needs in memory.
    #[inline]
    fn enter_sync(&self, mut next: usize, end: usize, exchange: &mut Exchange) -> Step {
        if exchange.timing.is_some() && next < end {
            // Whoever measures takes them one by one.
            return Step::Awaits(next);
        }
        loop {
            match row(|row| self.enter_row(row, &mut next, end, exchange)) {
                Ok(step) => return step,
                Err(panicked) => {
                    let walk = Err(Box::new(End::Failed(panicked)));
                    let pre = self.positions[next].pre.as_ref();
                    if pre.is_some_and(|pre| !pre.went_in(walk, exchange)) {
                        return Step::Ended;
                    }
                    next += 1;
                }
            }
        }
    }

    /// The same up to the first that panics.
    #[inline]
    fn enter_row<'s>(
        &'s self,
        row: &Row<'s>,
        next: &mut usize,
        end: usize,
        exchange: &mut Exchange,
    ) -> Step {
        while let Some(position) = self.positions[..end].get(*next) {
            if position.awaits {
                return Step::Awaits(*next);
            }
            if let Some(pre) = position.begin(*next, exchange)
                && let FilterFn::Sync(handler) = &pre.handler
            {
                let walk = pre.site.filter_in(row, handler, exchange);
                if !pre.went_in(walk, exchange) {
                    return Step::Ended;
                }
            }
            *next += 1;
        }
        Step::Through
    }

    /// The way out, down to where `outside` positions are still entered.
    async fn leave(&self, outside: usize, exchange: &mut Exchange) {
        if exchange.timing.is_some() {
            Box::pin(self.leave_measured(outside, exchange)).await;
        }
        while let Some((post, handler)) = self.leave_sync(outside, exchange) {
            // In a box, or every request would carry its size.
            if let Err(end) = Box::pin(post.call(handler, exchange)).await {
                post.turned(end, exchange);
            }
        }
    }

    /// The way out with the time that each hook takes.
    async fn leave_measured(&self, outside: usize, exchange: &mut Exchange) {
        while exchange.entered > outside {
            exchange.entered -= 1;
            let position = &*self.positions[exchange.entered];
            let Some(post) = &position.post else { continue };
            exchange.owner = position.owner;
            let since = exchange.clock();
            let walk = match &post.handler {
                FilterFn::Sync(handler) => post.site.filter(handler, exchange),
                FilterFn::Async(handler) => post.call(handler, exchange).await,
            };
            exchange.took(&post.site, since);
            if let Err(end) = walk {
                post.turned(end, exchange);
            }
        }
    }

    /// The way out as far as nothing has to be awaited; the hook that has to be, once one is met.
    #[inline]
    fn leave_sync(&self, outside: usize, exchange: &mut Exchange) -> Option<(&Hook, &AsyncHook)> {
        while exchange.entered > outside {
            match row(|row| self.leave_row(row, outside, exchange)) {
                Ok(awaits) => return awaits,
                Err(panicked) => {
                    if let Some(post) = &self.positions[exchange.entered].post {
                        post.turned(Box::new(End::Failed(panicked)), exchange);
                    }
                }
            }
        }
        None
    }

    /// The same up to the first that panics.
    #[inline]
    fn leave_row<'s>(
        &'s self,
        row: &Row<'s>,
        outside: usize,
        exchange: &mut Exchange,
    ) -> Option<(&'s Hook, &'s AsyncHook)> {
        while exchange.entered > outside {
            exchange.entered -= 1;
            let position = &*self.positions[exchange.entered];
            let Some(post) = &position.post else { continue };
            exchange.owner = position.owner;
            match &post.handler {
                FilterFn::Sync(handler) => {
                    if let Err(end) = post.site.filter_in(row, handler, exchange) {
                        post.turned(end, exchange);
                    }
                }
                FilterFn::Async(handler) => return Some((post, handler)),
            }
        }
        None
    }

    /// The way out of an exchange that nobody waits for any more.
    pub(super) fn abandon(mut exchange: Exchange) {
        let chain = Arc::clone(exchange.chain());
        let is_sync = |position: &Arc<Position>| !matches!(&position.post, Some(post) if matches!(post.handler, FilterFn::Async(_)));
        let all_sync = chain.positions[..exchange.entered].iter().all(is_sync);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !all_sync => {
                drop(runtime.spawn(async move { chain.leave_soon(&mut exchange).await }));
            }
            _ => _ = chain.leave(0, &mut exchange).now_or_never(),
        }
    }

    /// The way out where no deadline is around it: a hook that hangs must not keep the answer, or the generation.
    async fn leave_soon(&self, exchange: &mut Exchange) {
        while tokio::time::timeout(WAY_OUT, self.leave(0, exchange))
            .await
            .is_err()
        {
            if let Some(post) = &self.positions[exchange.entered].post {
                let took = text::show_duration(WAY_OUT);
                tracing::error!(plugin = %post.site.plugin, "the hook for the response took longer than {took}, and was cut off");
            }
        }
    }
}

/// Takes an exchange through its chain; its response is ready afterwards. One that takes longer than its route allows, or
/// else `timeout`, is cut off: its hooks see the way out all the same.
pub(crate) async fn serve(exchange: &mut Exchange, timeout: Duration) {
    let chain = Arc::clone(exchange.chain());
    // Before the first hook: one that sends the request on to another route does not give it another time.
    let time = exchange.time().cloned();
    let timeout = time.as_ref().map_or(timeout, |time| time.timeout);
    let deadline = exchange.started() + timeout;
    if exchange.handling().gate.is_some() {
        // In a box, or every request would carry its size.
        Box::pin(gate::judge(exchange, Some(deadline))).await;
    }
    let in_time = {
        let mut run = pin!(chain.run(exchange));
        // Most requests are answered at once; only those that have to wait need a timer.
        let begun = poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await;
        begun.is_ready() || tokio::time::timeout_at(deadline, run).await.is_ok()
    };
    if !in_time {
        layer::recall(exchange);
        exchange.meter().count_expired();
        let error = times::expired(time.as_deref(), timeout);
        exchange.put_response(problem(error), Outcome::Deadline);
        // In a box: it is rare, and every request would carry its size.
        Box::pin(chain.leave_soon(exchange)).await;
    }
    if exchange.judged.is_some() {
        gate::enforce(exchange);
    }
}

/// What came through an around or a layer keeps the outcome that was set further inside.
fn come_out(segment: usize, exchange: &mut Exchange, response: Response) {
    // An around that gave up may have left the exchange in a layer further inside.
    layer::recall(exchange);
    let outcome = match exchange.outcome {
        Outcome::Pending if exchange.reached > segment => Outcome::Deadline,
        Outcome::Pending => Outcome::AnsweredEarly,
        outcome => outcome,
    };
    exchange.put_response(response, outcome);
}
