//! The guard: every call into a plugin goes through here, and there is no way round it.

use crate::{
    cause::Cause,
    error::{Error, Result, code},
    request_id::RequestId,
    trace_context::TraceContext,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    future::poll_fn,
    num::NonZeroU32,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    task::{self, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tracing::Span;

mod row;
mod span;
mod panics;
mod stalls;
mod threads;

pub use stalls::Stall;
pub(crate) use {
    panics::{Panicked, carry, catch, catch_async, keep_place, panic_text},
    row::{Row, row},
    stalls::{Eye, LOOK, Sight, Spot, Stalls, Ward},
};

/// A boxed future that borrows what it is called on: what traits have in place of `async fn`, to be used as `dyn`.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a handler behind a boundary is told about the call it serves.
///
/// A call is cancelled by dropping its future.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Call<'a> {
    /// The extension point or phase.
    pub point: &'a str,
    /// The plugin that is called.
    pub plugin: &'a str,
    /// How long the caller waits.
    pub deadline: Option<Duration>,
    /// The request that it is part of.
    pub request_id: Option<&'a RequestId>,
    /// The trace that it is part of: for calls to somebody else, [`child`](TraceContext::child) of it.
    pub trace: Option<&'a TraceContext>,
}

/// What the configuration says of the calls of a handler, over what its author says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// How long a call may take.
    pub(crate) deadline: Option<Duration>,
    /// How many may be under way.
    pub(crate) in_flight: Option<NonZeroU32>,
}

/// One place where a plugin is called: whose it is, how long a call may take, and what came of the calls.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) plugin: Arc<str>,
    pub(crate) place: Arc<str>,
    pub(crate) deadline: Option<Duration>,
    /// How many calls may be under way.
    pub(crate) in_flight: Option<NonZeroU32>,
    pub(crate) stats: Arc<Stats>,
    /// Set once the instance has stopped: it is not told anything any more.
    pub(crate) gone: Arc<AtomicBool>,
    /// Where it is found if it blocks its thread.
    pub(crate) spot: Spot,
}

/// What came of the calls at one site.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    calls: AtomicU64,
    /// Without panics and time-outs: each outcome is counted once, or a reader between two counts would be wrong.
    errors: AtomicU64,
    panics: AtomicU64,
    timeouts: AtomicU64,
    /// Dropped before they had ended: nobody waited for them any more.
    cancelled: AtomicU64,
    skipped: AtomicU64,
    short_circuits: AtomicU64,
    timed: AtomicU64,
    nanos: AtomicU64,
    in_flight: AtomicU32,
}

/// The figures of a handler, as the management endpoints show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CallStats {
    /// How often it was called.
    pub calls: u64,
    /// How many of these ended in an error, panics and time-outs included.
    pub errors: u64,
    /// How many panicked.
    pub panics: u64,
    /// How many took longer than their deadline.
    pub timeouts: u64,
    /// How many failed at a place that is set to go on without them.
    pub skipped: u64,
    /// The mean duration of a call, in microseconds. Of each 16,384 calls the first 64 are timed.
    pub mean_us: f64,
    /// How many calls are under way.
    pub in_flight: u32,
}

/// What came of the calls at one or more sites: figures that add up, and of which each only grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) ok: u64,
    /// Without panics and time-outs.
    pub(crate) errors: u64,
    pub(crate) panics: u64,
    pub(crate) timeouts: u64,
    pub(crate) cancelled: u64,
    pub(crate) skipped: u64,
    pub(crate) short_circuits: u64,
    /// How many were timed, and how long these took.
    pub(crate) timed: u64,
    pub(crate) nanos: u64,
    /// The exception: how many are under way.
    pub(crate) in_flight: u64,
}

impl Outcomes {
    pub(crate) fn add(&mut self, other: &Self) {
        self.ok += other.ok;
        self.errors += other.errors;
        self.panics += other.panics;
        self.timeouts += other.timeouts;
        self.cancelled += other.cancelled;
        self.skipped += other.skipped;
        self.short_circuits += other.short_circuits;
        self.timed += other.timed;
        self.nanos += other.nanos;
        self.in_flight += other.in_flight;
    }
}

/// Whether a call is timed: the first 64 of each 16,384. Two clock readings cost several times a no-op handler.
#[inline]
fn is_timed(calls: u64) -> bool {
    calls & 0x3fc0 == 0
}

impl Site {
    pub(crate) fn new(
        plugin: impl Into<Arc<str>>,
        place: impl Into<Arc<str>>,
        deadline: Option<Duration>,
    ) -> Self {
        Self::with(plugin, place, deadline, Arc::default())
    }

    /// A site whose figures go on from where they were: they belong to the instance, the site to a generation.
    pub(crate) fn with(
        plugin: impl Into<Arc<str>>,
        place: impl Into<Arc<str>>,
        deadline: Option<Duration>,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            plugin: plugin.into(),
            place: place.into(),
            deadline,
            in_flight: None,
            stats,
            gone: Arc::default(),
            spot: Spot::default(),
        }
    }

    /// The same within what the configuration says.
    pub(crate) fn within(mut self, bounds: Bounds) -> Self {
        self.deadline = bounds.deadline.or(self.deadline);
        self.in_flight = bounds.in_flight;
        self
    }

    /// The same, looked after: if it blocks its thread, that is told of this instance.
    pub(crate) fn of(mut self, ward: &Arc<Ward>) -> Self {
        self.spot = ward.spot(Arc::clone(&self.place));
        self
    }

    /// A further site of the same instance.
    pub(crate) fn beside(self, other: &Self) -> Self {
        match other.spot.ward() {
            Some(ward) => self.of(ward),
            None => self,
        }
    }

    /// Whose it is has stopped.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    /// Calls something that does not await.
    #[inline]
    pub(crate) fn run_sync<R>(&self, call: impl FnOnce() -> R) -> Result<R> {
        let calls = self.count();
        if is_timed(calls) || span::may_be_wanted() {
            return self.run_watched(is_timed(calls), call);
        }
        self.catch(call).map_err(|panic| self.panicked(&panic))
    }

    /// Counts a call; how many there were before it.
    #[inline]
    fn count(&self) -> u64 {
        self.stats.calls.fetch_add(1, Relaxed)
    }

    #[inline]
    fn catch<R>(&self, call: impl FnOnce() -> R) -> Result<R, Box<Panicked>> {
        self.spot.catch(call)
    }

    /// The same with a look at the clock, or in a span.
    #[cold]
    fn run_watched<R>(&self, is_timed: bool, call: impl FnOnce() -> R) -> Result<R> {
        let span = self.span();
        let _within = span.as_ref().map(Span::enter);
        let started = is_timed.then(Instant::now);
        let outcome = self.catch(call);
        if let Some(started) = started {
            self.stats.time(started);
        }
        outcome.map_err(|panic| self.panicked(&panic))
    }

    /// Calls something that awaits.
    pub(crate) async fn run<R>(&self, call: impl Future<Output = Result<R>>) -> Result<R> {
        let calls = self.count();
        let mut in_flight = InFlight::new(&self.stats);
        if let Some(most) = self.in_flight
            && in_flight.count > most.get()
        {
            in_flight.is_done = true;
            return Err(self.busy(most));
        }
        let started = is_timed(calls).then(Instant::now);
        let span = match span::may_be_wanted() {
            true => self.span(),
            false => None,
        };
        let span = span.as_ref();
        let mut call = pin!(call);
        // Most calls are done at once; only one that has to wait needs a timer.
        let begun = poll_fn(|cx| Poll::Ready(self.poll(span, call.as_mut(), cx))).await;
        let outcome = match (begun, self.deadline) {
            (Ok(Poll::Ready(outcome)), _) => Some(Ok(outcome)),
            (Err(panic), _) => Some(Err(panic)),
            (Ok(Poll::Pending), deadline) => {
                let rest = poll_fn(|cx| match self.poll(span, call.as_mut(), cx) {
                    Ok(Poll::Pending) => Poll::Pending,
                    Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
                    Err(panic) => Poll::Ready(Err(panic)),
                });
                match deadline {
                    Some(deadline) => tokio::time::timeout(deadline, rest).await.ok(),
                    None => Some(rest.await),
                }
            }
        };
        if let Some(started) = started {
            self.stats.time(started);
        }
        in_flight.is_done = true;
        match outcome {
            Some(Ok(Ok(value))) => Ok(value),
            Some(Ok(Err(error))) => Err(self.failed(error)),
            Some(Err(panic)) => {
                let _within = span.map(Span::enter);
                Err(self.panicked(&panic))
            }
            None => Err(self.timed_out()),
        }
    }

    /// One step of something that awaits.
    #[inline]
    fn poll<F: Future>(
        &self,
        span: Option<&Span>,
        call: Pin<&mut F>,
        cx: &mut task::Context<'_>,
    ) -> Result<Poll<F::Output>, Box<Panicked>> {
        match span {
            None => self.catch(|| call.poll(cx)),
            Some(span) => self.poll_within(span, call, cx),
        }
    }

    #[cold]
    fn poll_within<F: Future>(
        &self,
        span: &Span,
        call: Pin<&mut F>,
        cx: &mut task::Context<'_>,
    ) -> Result<Poll<F::Output>, Box<Panicked>> {
        let _within = span.enter();
        self.catch(|| call.poll(cx))
    }

    pub(crate) fn call<'a>(&'a self, cause: &'a Cause) -> Call<'a> {
        Call {
            point: &self.place,
            plugin: &self.plugin,
            deadline: self.deadline,
            request_id: cause.request_id(),
            trace: cause.trace().map(|trace| &**trace),
        }
    }

    /// Says aloud that a failure is passed over: nothing fails open silently.
    pub(crate) fn skip(&self, error: &Error) {
        self.stats.skipped.fetch_add(1, Relaxed);
        let told = error.line_of(&self.plugin);
        tracing::warn!(plugin = %self.plugin, point = %self.place, error = %told, "failed, and was skipped");
    }

    /// Counts an error, and says whose it is.
    #[cold]
    pub(crate) fn failed(&self, error: Error) -> Error {
        self.stats.errors.fetch_add(1, Relaxed);
        self.placed(error)
    }

    fn placed(&self, error: Error) -> Error {
        error
            .in_plugin(Arc::clone(&self.plugin))
            .at(Arc::clone(&self.place))
    }

    /// Counts a walk that ends here, with an answer.
    #[cold]
    pub(crate) fn short_circuits(&self) {
        self.stats.short_circuits.fetch_add(1, Relaxed);
    }

    #[cold]
    fn panicked(&self, panic: &Panicked) -> Error {
        self.stats.panics.fetch_add(1, Relaxed);
        let (text, place) = (&*panic.text, panic.place.as_deref());
        // All that is logged of it: whoever gets the error knows by its code.
        tracing::error!(plugin = %self.plugin, point = %self.place, place, panic = text, "plugin panicked");
        self.placed(Error::new(code::PANIC, format!("panicked: {text}")))
    }

    #[cold]
    fn busy(&self, most: NonZeroU32) -> Error {
        let message = format!("{most} calls are under way, which is as many as may be");
        self.failed(Error::new(code::BUSY, message).retryable())
    }

    #[cold]
    fn timed_out(&self) -> Error {
        self.stats.timeouts.fetch_add(1, Relaxed);
        let deadline = self.deadline.unwrap_or_default();
        let message = format!(
            "took longer than its deadline of {}",
            crate::text::show_duration(deadline)
        );
        self.placed(Error::new(code::DEADLINE, message))
    }
}

impl Stats {
    #[cold]
    fn time(&self, started: Instant) {
        let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.timed.fetch_add(1, Relaxed);
        self.nanos.fetch_add(nanos, Relaxed);
    }

    /// Counts an error that was answered, rather than returned.
    pub(crate) fn count_error(&self) {
        self.errors.fetch_add(1, Relaxed);
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// What came of the calls that have ended. Read in this order, one that ends meanwhile is missed, and never counted twice.
    pub(crate) fn outcomes(&self) -> Outcomes {
        let calls = self.calls.load(Acquire);
        let in_flight = u64::from(self.in_flight.load(Acquire));
        let (errors, panics) = (self.errors.load(Acquire), self.panics.load(Acquire));
        let (timeouts, cancelled) = (self.timeouts.load(Acquire), self.cancelled.load(Acquire));
        Outcomes {
            ok: calls.saturating_sub(in_flight + errors + panics + timeouts + cancelled),
            errors,
            panics,
            timeouts,
            cancelled,
            skipped: self.skipped.load(Relaxed),
            short_circuits: self.short_circuits.load(Relaxed),
            timed: self.timed.load(Relaxed),
            nanos: self.nanos.load(Relaxed),
            in_flight,
        }
    }

    pub(crate) fn read(&self) -> CallStats {
        let timed = self.timed.load(Relaxed);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a mean of microseconds needs no 53 bits"
        )]
        let mean_us = if timed == 0 {
            0.0
        } else {
            self.nanos.load(Relaxed) as f64 / timed as f64 / 1_000.0
        };
        let (panics, timeouts) = (self.panics.load(Relaxed), self.timeouts.load(Relaxed));
        CallStats {
            calls: self.calls.load(Relaxed),
            errors: self.errors.load(Relaxed) + panics + timeouts,
            panics,
            timeouts,
            skipped: self.skipped.load(Relaxed),
            mean_us,
            in_flight: self.in_flight(),
        }
    }
}

/// Counts a call as under way until it is dropped, also if its future is.
struct InFlight<'a> {
    stats: &'a Stats,
    /// How many there are with this one.
    count: u32,
    /// Whether it has ended by itself.
    is_done: bool,
}

impl<'a> InFlight<'a> {
    fn new(stats: &'a Stats) -> Self {
        let count = stats.in_flight.fetch_add(1, Relaxed) + 1;
        Self {
            stats,
            count,
            is_done: false,
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        // What came of the call is counted before.
        if !self.is_done {
            self.stats.cancelled.fetch_add(1, Relaxed);
        }
        self.stats.in_flight.fetch_sub(1, Release);
    }
}
