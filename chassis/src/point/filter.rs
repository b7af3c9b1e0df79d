//! Filter points: a value goes through all handlers.

use super::{AsyncFilter, Bridge, Contributed, DeclaredPoint, Entry, Index, PointInfo, PointKind};
use crate::{
    call::{Row, Site, row},
    cause::Cause,
    error::{Error, Result},
    scope::Scope,
};
use serde_json::Value;
use std::{any::Any, convert::Infallible, marker::PhantomData, sync::Arc, time::Duration};

/// What a handler says after it has had the value: go on, or this is the answer.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a filter that answers must return its answer"]
pub enum Flow<A = axum::response::Response> {
    /// The next handler gets the value.
    Continue,
    /// The walk ends here, with this answer.
    Answer(A),
}

impl Flow {
    /// Ends the walk with this response.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// let flow = Flow::respond((StatusCode::FORBIDDEN, "not you"));
    /// # assert!(matches!(flow, Flow::Answer(response) if response.status() == 403));
    /// ```
    pub fn respond(response: impl axum::response::IntoResponse) -> Self {
        Self::Answer(response.into_response())
    }
}

/// A contribution at such a point may choose to be skipped when it fails.
#[derive(Debug)]
pub enum Open {}

/// No contribution at such a point may be skipped: authentication, admission.
#[derive(Debug)]
pub enum Sealed {}

/// Points whose contributions may choose to be skipped when they fail.
#[diagnostic::on_unimplemented(
    message = "this point is sealed: nothing at it may fail open",
    label = "`on_failure = \"skip\"` is not possible here",
    note = "a failure at a sealed point always goes to the caller; remove `on_failure`"
)]
pub trait MayFailOpen {}
impl MayFailOpen for Open {}

/// A named place where a value of type `T` goes through all handlers, in order.
///
/// Where the point's type has an answer `A`, a handler may end the walk with one. A handler that fails (an
/// error, a panic, its deadline) fails the whole walk, unless the point says otherwise:
/// [`fail_open`](Self::fail_open), [`fail_open_keeping`](Self::fail_open_keeping).
///
/// ```
/// use chassis::prelude::*;
///
/// /// The price of an order, in cents, before it is charged.
/// #[extension_point]
/// pub static PRICE: FilterPoint<u64> = FilterPoint::new("shop.price");
/// ```
pub struct FilterPoint<T: 'static, A: 'static = Infallible, S = Open> {
    pub(crate) name: &'static str,
    failure: OnFailure<T>,
    bridge: Option<Bridge<T>>,
    deadline: Option<Duration>,
    index: Index,
    marker: PhantomData<fn() -> (A, S)>,
}

/// What becomes of the value when a handler fails.
pub(crate) enum OnFailure<T> {
    Closed,
    Restored(fn(&T) -> T),
    Kept,
}

impl<T> OnFailure<T> {
    /// The value as it is now, if it may have to be restored.
    #[inline]
    fn copy(self, value: &T) -> Option<T> {
        match self {
            Self::Restored(copy) => Some(copy(value)),
            _ => None,
        }
    }
}

impl<T> Clone for OnFailure<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OnFailure<T> {}

impl<T: Send + 'static, A: Send + 'static, S> FilterPoint<T, A, S> {
    /// A point of this name: dotted lower-case words, `shop.price`. Each asynchronous handler may take 5 s.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            failure: OnFailure::Closed,
            bridge: None,
            deadline: super::handler::DEADLINE,
            index: Index::new(),
            marker: PhantomData,
        }
    }

    /// Gives the payload a JSON form, so that plugins can contribute by name, and from other processes.
    #[must_use]
    pub const fn json(mut self) -> Self
    where
        T: serde::Serialize + serde::de::DeserializeOwned + schemars::JsonSchema,
    {
        self.bridge = Some(Bridge::JSON);
        self
    }

    /// How long each asynchronous handler may take, unless its contribution says otherwise.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Lets asynchronous handlers take as long as they like: for points inside something that has a deadline.
    #[must_use]
    pub const fn without_deadline(mut self) -> Self {
        self.deadline = None;
        self
    }

    pub(crate) const fn default_deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Sends `value` through the handlers, and gives it back with what the first handler answered that did.
    ///
    /// # Errors
    ///
    /// If a handler failed and the point fails closed.
    pub async fn apply_flow(&'static self, scope: &Scope, value: &mut T) -> Result<Flow<A>> {
        let filters: &Filters<T, A> = self.index.handlers(self.name, scope)?;
        match filters.run(0, value, scope.cause()).await {
            Ok(()) => Ok(Flow::Continue),
            Err(end) => match *end {
                End::Answer(answer) => Ok(Flow::Answer(answer)),
                End::Failed(error) => Err(error),
            },
        }
    }
}

impl<T: Send + 'static, S> FilterPoint<T, Infallible, S> {
    /// Sends `value` through the handlers. With no handlers it comes back unchanged.
    ///
    /// # Errors
    ///
    /// If a handler failed and the point fails closed.
    pub async fn apply(&'static self, scope: &Scope, value: T) -> Result<T> {
        let filters: &Filters<T, Infallible> = self.index.handlers(self.name, scope)?;
        filters.apply(value, scope.cause()).await
    }
}

impl<T: Send + 'static, A: Send + 'static> FilterPoint<T, A, Open> {
    /// When a handler fails, go on with the value as it was before that handler. Logged and counted.
    #[must_use]
    pub const fn fail_open(mut self) -> Self
    where
        T: Clone,
    {
        self.failure = OnFailure::Restored(T::clone);
        self
    }

    /// When a handler fails, go on with the value as the handler left it. Logged and counted.
    #[must_use]
    pub const fn fail_open_keeping(mut self) -> Self {
        self.failure = OnFailure::Kept;
        self
    }
}

impl<T, A, S> DeclaredPoint for FilterPoint<T, A, S>
where
    T: Send + 'static,
    A: Send + 'static,
    S: PointSeal,
{
    fn info(&self) -> PointInfo {
        PointInfo {
            name: self.name.into(),
            kind: PointKind::Filter,
            description: String::new(),
            payload: super::short_type_name::<T>(),
            answer: super::short_type_name::<T>(),
            schema: self.bridge.as_ref().map(Bridge::schema),
            on_failure: match self.failure {
                OnFailure::Closed => "closed",
                OnFailure::Restored(_) => "open, restored",
                OnFailure::Kept => "open, kept",
            },
            sealed: S::SEALED,
            origin: "".into(),
        }
    }

    fn index(&self) -> Option<&Index> {
        Some(&self.index)
    }

    fn assemble(&self, handlers: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>> {
        let filters = assemble::<T, A>(self.name, handlers, self.failure, self.bridge.as_ref())?;
        Ok(Box::new(filters))
    }
}

/// Whether a marker seals a point.
#[doc(hidden)]
pub trait PointSeal {
    const SEALED: bool;
}
impl PointSeal for Open {
    const SEALED: bool = false;
}
impl PointSeal for Sealed {
    const SEALED: bool = true;
}

/// A handler at a filter point.
pub(crate) enum FilterFn<T, A> {
    Sync(Arc<SyncFilter<T, A>>),
    Async(Arc<dyn AsyncFilter<T, A>>),
}

/// In a box inside the `Arc`: an `Arc<dyn Fn>` computes at each call where the closure begins.
pub(crate) struct SyncFilter<T, A>(Box<WalkFn<T, A>>);

type WalkFn<T, A> = dyn Fn(&mut T) -> Walk<A> + Send + Sync;

impl<T, A> FilterFn<T, A> {
    /// A handler that does not await.
    pub(crate) fn sync(
        handler: impl Fn(&mut T) -> Result<Flow<A>> + Send + Sync + 'static,
    ) -> Self {
        let walk = move |value: &mut T| End::of(handler(value));
        Self::Sync(Arc::new(SyncFilter(Box::new(walk))))
    }
}

impl<T, A> SyncFilter<T, A> {
    #[inline]
    pub(super) fn call(&self, value: &mut T) -> Walk<A> {
        (self.0)(value)
    }
}

/// What a handler came to: the walk goes on, or this is its end. One word, because an answer may be large and is rare.
pub(crate) type Walk<A> = std::result::Result<(), Box<End<A>>>;

/// Why a walk ends before the last handler.
pub(crate) enum End<A> {
    Answer(A),
    Failed(Error),
}

impl<A> End<A> {
    /// What a handler returned, as what it means for the walk.
    #[inline]
    pub(super) fn of(flow: Result<Flow<A>>) -> Walk<A> {
        match flow {
            Ok(Flow::Continue) => Ok(()),
            Ok(Flow::Answer(answer)) => Err(Box::new(Self::Answer(answer))),
            Err(error) => Err(Box::new(Self::Failed(error))),
        }
    }
}

impl<T, A> Clone for FilterFn<T, A> {
    fn clone(&self) -> Self {
        match self {
            Self::Sync(handler) => Self::Sync(Arc::clone(handler)),
            Self::Async(handler) => Self::Async(Arc::clone(handler)),
        }
    }
}

impl Site {
    /// One guarded call of a handler that does not await.
    #[inline]
    pub(crate) fn filter<T, A>(&self, handler: &SyncFilter<T, A>, value: &mut T) -> Walk<A> {
        match self.run_sync(|| handler.call(value)) {
            Ok(Ok(())) => Ok(()),
            ended => self.ended(ended),
        }
    }

    /// The same in a row.
    #[inline]
    pub(crate) fn filter_in<'s, T, A>(
        &'s self,
        row: &Row<'s>,
        handler: &SyncFilter<T, A>,
        value: &mut T,
    ) -> Walk<A> {
        match row.call(self, || handler.call(value)) {
            Ok(Ok(())) => Ok(()),
            ended => self.ended(ended),
        }
    }

    #[cold]
    fn ended<A>(&self, outcome: Result<Walk<A>>) -> Walk<A> {
        match outcome {
            Ok(walk) => walk.map_err(|end| match *end {
                End::Failed(error) => Box::new(End::Failed(self.failed(error))),
                End::Answer(_) => {
                    self.short_circuits();
                    end
                }
            }),
            Err(panicked) => Err(Box::new(End::Failed(panicked))),
        }
    }

    /// One guarded call of a handler that awaits.
    pub(crate) async fn filter_async<T: Send, A>(
        &self,
        handler: &dyn AsyncFilter<T, A>,
        value: &mut T,
        cause: &Cause,
    ) -> Walk<A> {
        let call = self.call(cause);
        End::of(self.run(async { handler.call(value, &call).await }).await).inspect_err(|end| {
            if let End::Answer(_) = &**end {
                self.short_circuits();
            }
        })
    }
}

/// The handlers at a filter point, in order.
pub(crate) struct Filters<T, A> {
    entries: Box<[Entry<FilterFn<T, A>>]>,
    failure: OnFailure<T>,
}

pub(super) fn assemble<T: Send + 'static, A: Send + 'static>(
    point: &str,
    handlers: Vec<Contributed>,
    failure: OnFailure<T>,
    bridge: Option<&Bridge<T>>,
) -> Result<Filters<T, A>> {
    let by_json = bridge.map(|bridge| {
        move |json: &FilterFn<Value, Infallible>| FilterFn::Async(bridge.filter(json.clone()))
    });
    let by_json = by_json
        .as_ref()
        .map(|by_json| by_json as &dyn Fn(&_) -> FilterFn<T, A>);
    let entries = super::typed(point, handlers, by_json)?.into();
    Ok(Filters { entries, failure })
}

impl<T: Send> Filters<T, Infallible> {
    #[inline]
    pub(super) async fn apply(&self, mut value: T, cause: &Cause) -> Result<T> {
        // Most points are empty, or have handlers that do not await: neither needs a future for its walk.
        let walk = match self.run_sync(0, &mut value) {
            Ok(Step::Through) => return Ok(value),
            // In a box, or every walk would carry its size.
            Ok(Step::Awaits(at)) => Box::pin(self.run(at, &mut value, cause)).await,
            Err(end) => Err(end),
        };
        match walk.map_err(|end| *end) {
            Ok(()) => Ok(value),
            Err(End::Failed(error)) => Err(error),
            Err(End::Answer(never)) => match never {},
        }
    }
}

/// How far a walk has led.
enum Step {
    Through,
    /// This handler awaits.
    Awaits(usize),
}

impl<T: Send, A> Filters<T, A> {
    /// The walk from this handler on.
    pub(super) async fn run(&self, from: usize, value: &mut T, cause: &Cause) -> Walk<A> {
        let mut next = from;
        while let Step::Awaits(at) = self.run_sync(next, value)? {
            let entry = &self.entries[at];
            if let FilterFn::Async(handler) = &entry.handler {
                let before = self.failure.copy(value);
                let walk = entry.site.filter_async(&**handler, value, cause).await;
                if let Err(end) = walk {
                    self.pass_over(entry, end, value, before)?;
                }
            }
            next = at + 1;
        }
        Ok(())
    }

    /// The walk as far as nothing has to be awaited: a plain loop, because a future keeps what it needs in memory.
    #[inline]
    fn run_sync(&self, from: usize, value: &mut T) -> std::result::Result<Step, Box<End<A>>> {
        let mut next = from;
        while next < self.entries.len() {
            let mut before = None;
            match row(|row| self.run_row(row, &mut next, value, &mut before)) {
                Ok(step) => return step,
                Err(panicked) => {
                    let end = Box::new(End::Failed(panicked));
                    self.pass_over(&self.entries[next], end, value, before)?;
                    next += 1;
                }
            }
        }
        Ok(Step::Through)
    }

    /// The same up to the first that panics.
    #[inline]
    fn run_row<'s>(
        &'s self,
        row: &Row<'s>,
        next: &mut usize,
        value: &mut T,
        before: &mut Option<T>,
    ) -> std::result::Result<Step, Box<End<A>>> {
        while let Some(entry) = self.entries.get(*next) {
            let FilterFn::Sync(handler) = &entry.handler else {
                return Ok(Step::Awaits(*next));
            };
            *before = self.failure.copy(value);
            if let Err(end) = entry.site.filter_in(row, handler, value) {
                self.pass_over(entry, end, value, before.take())?;
            }
            *next += 1;
        }
        Ok(Step::Through)
    }

    /// A handler has ended the walk; if it has failed, the point or the contribution may go on all the same.
    #[cold]
    fn pass_over(
        &self,
        entry: &Entry<FilterFn<T, A>>,
        end: Box<End<A>>,
        value: &mut T,
        before: Option<T>,
    ) -> Walk<A> {
        let End::Failed(error) = *end else {
            return Err(end);
        };
        match (self.failure, before) {
            (OnFailure::Restored(_), Some(before)) => *value = before,
            (OnFailure::Kept, _) => {}
            _ if entry.skip_on_failure => {}
            _ => return Err(Box::new(End::Failed(error))),
        }
        entry.site.skip(&error);
        Ok(())
    }
}
