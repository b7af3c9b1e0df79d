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
    exchange::{Exchange, Outcome},
    layer::{self, Layered},
    problem::{Failure, problem},
    request::RequestContext,
    route::{RouteInfo, RoutePattern},
    table::Target,
};
use crate::{
    call::BoxFuture,
    error::{Error, Result, code},
    point::{Entry, FilterFn, Flow},
    text,
};
use axum::extract::ConnectInfo;
use futures_util::FutureExt as _;
use http::header;
use std::{ops::Range, sync::Arc, time::Duration};

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

/// The pre-request and the post-response hook of one instance, as one place in the onion.
pub(crate) struct Position {
    /// The number of the instance in its generation.
    pub(crate) owner: u32,
    pub(crate) pre: Option<Entry<FilterFn<Exchange, Response>>>,
    pub(crate) post: Option<Entry<FilterFn<Exchange, Response>>>,
    /// How much of the body the pre-request hook wants to see, in bytes.
    pub(crate) buffered: Option<usize>,
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

impl Next<'_> {
    /// Calls what is inside, and gives its answer.
    pub async fn run(self, request: Request) -> Response {
        self.exchange.put_request(request);
        self.chain.inner(self.segment, self.exchange).await;
        self.exchange.lend_response()
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
    pub(crate) fn compile(links: &[Link], route: Option<&str>) -> Self {
        let is_for = |link: &&Link| match (&link.routes, route) {
            (None, _) => true,
            (Some(pattern), Some(route)) => pattern.matches(route),
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
        Box::pin(async move {
            exchange.reached = segment;
            match self.segments.get(segment) {
                None => terminal(exchange).await,
                Some(Segment::Hooks(range)) => {
                    if self.enter(range.clone(), exchange).await {
                        self.inner(segment + 1, exchange).await;
                    }
                    self.leave(range.start, exchange).await;
                }
                Some(Segment::Around(around, outside)) => {
                    let request = exchange.take_request();
                    let next = Next {
                        chain: self,
                        segment: segment + 1,
                        exchange,
                    };
                    let response = async { Ok(around.handler.call(request, next).await) };
                    let response = around.site.run(response).await;
                    self.come_out(segment, *outside, exchange, response).await;
                }
                Some(Segment::Layer(layered, outside)) => {
                    let response = layer::travel(layered, segment + 1, exchange).await;
                    self.come_out(segment, *outside, exchange, response).await;
                }
            }
        })
    }

    /// The way in; whether the handler is to be called.
    async fn enter(&self, range: Range<usize>, exchange: &mut Exchange) -> bool {
        for (index, position) in range.clone().zip(&self.positions[range]) {
            let Some(pre) = &position.pre else {
                exchange.entered = index + 1;
                continue;
            };
            if let Some(limit) = position.buffered
                && let Err(error) = exchange.buffer(limit.min(exchange.max_body)).await
            {
                exchange.put_response(problem(error), Outcome::Answered);
                return false;
            }
            // Only now: who has not seen the request is not told of its end.
            exchange.entered = index + 1;
            exchange.owner = position.owner;
            match call(pre, exchange).await {
                Ok(Flow::Continue) => exchange.follow_reroute(),
                Ok(Flow::Answer(response)) => {
                    exchange.put_response(response, Outcome::AnsweredEarly);
                    return false;
                }
                Err(error) if pre.skip_on_failure => {
                    exchange.forget_reroute();
                    pre.site.skip(&error);
                }
                Err(error) => {
                    exchange.put_response(problem(error), Outcome::Failed);
                    return false;
                }
            }
        }
        true
    }

    /// The way out of an around or a layer.
    async fn come_out(
        &self,
        segment: usize,
        outside: usize,
        exchange: &mut Exchange,
        response: Result<Response>,
    ) {
        // An around that gave up may have left the exchange in a layer further inside.
        layer::recall(exchange);
        let otherwise = if exchange.reached > segment {
            Outcome::Deadline
        } else {
            Outcome::AnsweredEarly
        };
        settle(exchange, response, otherwise);
        // One that gave up on its inside (a time-out) leaves hooks in there behind. They see its answer.
        self.leave(outside, exchange).await;
    }

    /// The way out, down to where `outside` positions are still entered.
    async fn leave(&self, outside: usize, exchange: &mut Exchange) {
        while exchange.entered > outside {
            exchange.entered -= 1;
            let position = &self.positions[exchange.entered];
            let Some(post) = &position.post else { continue };
            exchange.owner = position.owner;
            match call(post, exchange).await {
                Ok(Flow::Continue) => {}
                Ok(Flow::Answer(response)) => exchange.put_response(response, exchange.outcome),
                Err(error) if post.skip_on_failure => post.site.skip(&error),
                Err(error) => exchange.put_response(problem(error), Outcome::Failed),
            }
        }
    }

    /// The way out of an exchange that nobody waits for any more.
    pub(super) fn abandon(mut exchange: Exchange) {
        let chain = Arc::clone(&exchange.chain);
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

/// What came of an exchange.
pub(crate) struct Served {
    pub(crate) response: Response,
    /// The route, where the answer is one for the log.
    pub(crate) route: Option<Arc<RouteInfo>>,
    pub(crate) outcome: Outcome,
}

/// Takes an exchange through its chain, and gives its response. One that takes longer than `deadline` is cut off:
/// its hooks see the way out all the same.
pub(crate) async fn serve(mut exchange: Exchange, deadline: Duration) -> Served {
    let chain = Arc::clone(&exchange.chain);
    if tokio::time::timeout(deadline, chain.run(&mut exchange))
        .await
        .is_err()
    {
        layer::recall(&mut exchange);
        let message = format!(
            "the request took longer than {}",
            text::show_duration(deadline)
        );
        let error = Error::new(code::DEADLINE, message)
            .with_help("`server.request_timeout` sets how long it may take");
        exchange.put_response(problem(error), Outcome::Deadline);
        chain.leave_soon(&mut exchange).await;
    }
    let is_failure = exchange.status().is_server_error();
    let route = is_failure.then(|| exchange.handling().info.clone());
    Served {
        response: exchange.take_response(),
        route: route.flatten(),
        outcome: exchange.outcome,
    }
}

/// One guarded call of a hook.
#[inline]
async fn call(
    hook: &Entry<FilterFn<Exchange, Response>>,
    exchange: &mut Exchange,
) -> Result<Flow<Response>> {
    match &hook.handler {
        FilterFn::Sync(handler) => hook.site.run_sync(|| handler(exchange)),
        FilterFn::Async(handler) => {
            let cx: Arc<RequestContext> = Arc::clone(&exchange.cx);
            let call = hook.site.call(Some(cx.request_id.as_str()));
            hook.site
                .run(async { handler.call(exchange, &call).await })
                .await
        }
    }
}

/// The middle of the onion: the route's handler, a mounted router, or 404 and 405.
async fn terminal(exchange: &mut Exchange) {
    if let Some(error) = over_limit(exchange) {
        return exchange.put_response(problem(error), Outcome::Answered);
    }
    let handling = Arc::clone(exchange.handling());
    match &handling.target {
        Target::Endpoint { endpoint, site } => {
            let request = exchange.take_request();
            let response = site.run(async { Ok(endpoint.call(request).await) }).await;
            if response
                .as_ref()
                .is_ok_and(|response| response.status().is_server_error())
            {
                site.stats.count_error();
            }
            settle(exchange, response, Outcome::Answered);
        }
        Target::Mounted { mounted, site } => {
            let mut request = exchange.take_request();
            // Handlers of axum apps ask for it; `axum::serve` gives it in this way too.
            request
                .extensions_mut()
                .insert(ConnectInfo(exchange.cx.peer));
            let response = site.run(async { Ok(mounted.call(request).await) }).await;
            settle(exchange, response, Outcome::Answered);
        }
        Target::NotFound => {
            let message = format!("there is nothing at `{}`", exchange.uri().path());
            exchange.put_response(
                problem(Error::new(code::NOT_FOUND, message)),
                Outcome::Answered,
            );
        }
        Target::MethodNotAllowed { allow } => {
            let message = format!(
                "`{}` does not take {}",
                exchange.uri().path(),
                exchange.method()
            );
            let mut response = problem(Error::new(code::METHOD_NOT_ALLOWED, message));
            response.headers_mut().insert(header::ALLOW, allow.clone());
            exchange.put_response(response, Outcome::Answered);
        }
    }
}

/// A body that says it is too large is refused before a handler sees it.
fn over_limit(exchange: &Exchange) -> Option<Error> {
    let length: u64 = exchange
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    (length > exchange.max_body as u64).then(|| {
        let message = format!(
            "the body has {length} bytes; {} are allowed",
            exchange.max_body
        );
        Error::new(code::BODY_TOO_LARGE, message)
    })
}

/// What came through an around or a layer keeps the outcome that was set further inside; `otherwise` is for where
/// there is none.
fn settle(exchange: &mut Exchange, response: Result<Response>, otherwise: Outcome) {
    match response {
        Ok(response) => {
            let outcome = match exchange.outcome {
                Outcome::Pending => otherwise,
                outcome => outcome,
            };
            exchange.put_response(response, outcome);
        }
        Err(error) => {
            let outcome = match error.code() {
                code if code == code::PANIC => Outcome::Panicked,
                code if code == code::DEADLINE => Outcome::Deadline,
                _ => Outcome::Failed,
            };
            exchange.put_response(problem(error), outcome);
        }
    }
}

/// The error behind an answer, if it is one that should be in the log.
pub(crate) fn failure_of(response: &Response) -> Option<&Error> {
    let Failure(error) = response.extensions().get()?;
    response.status().is_server_error().then_some(error)
}
