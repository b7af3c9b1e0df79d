//! Filter points: a value goes through all handlers.

use super::{AsyncFilter, Bridge, Contributed, DeclaredPoint, Entry, Index, PointInfo, PointKind};
use crate::{
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
        filters.run(value, scope.request_id()).await
    }
}

impl<T: Send + 'static, S> FilterPoint<T, Infallible, S> {
    /// Sends `value` through the handlers. With no handlers it comes back unchanged.
    ///
    /// # Errors
    ///
    /// If a handler failed and the point fails closed.
    pub async fn apply(&'static self, scope: &Scope, mut value: T) -> Result<T> {
        match self.apply_flow(scope, &mut value).await? {
            Flow::Continue => Ok(value),
            Flow::Answer(never) => match never {},
        }
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

pub(crate) type SyncFilter<T, A> = dyn Fn(&mut T) -> Result<Flow<A>> + Send + Sync;

impl<T, A> Clone for FilterFn<T, A> {
    fn clone(&self) -> Self {
        match self {
            Self::Sync(handler) => Self::Sync(Arc::clone(handler)),
            Self::Async(handler) => Self::Async(Arc::clone(handler)),
        }
    }
}

impl<T: Send, A> Entry<FilterFn<T, A>> {
    /// One guarded call.
    #[inline]
    pub(crate) async fn run(&self, value: &mut T, request_id: Option<&str>) -> Result<Flow<A>> {
        match &self.handler {
            FilterFn::Sync(handler) => self.site.run_sync(|| handler(value)),
            FilterFn::Async(handler) => {
                let call = self.site.call(request_id);
                self.site
                    .run(async { handler.call(value, &call).await })
                    .await
            }
        }
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

impl<T: Send, A> Filters<T, A> {
    pub(super) async fn run(&self, value: &mut T, request_id: Option<&str>) -> Result<Flow<A>> {
        for entry in &self.entries {
            let before = match self.failure {
                OnFailure::Restored(copy) => Some(copy(value)),
                _ => None,
            };
            match entry.run(value, request_id).await {
                Ok(Flow::Continue) => {}
                Ok(answer) => return Ok(answer),
                Err(error) => self.pass_over(entry, error, value, before)?,
            }
        }
        Ok(Flow::Continue)
    }

    #[cold]
    fn pass_over(
        &self,
        entry: &Entry<FilterFn<T, A>>,
        error: Error,
        value: &mut T,
        before: Option<T>,
    ) -> Result<()> {
        match (self.failure, before) {
            (OnFailure::Restored(_), Some(before)) => *value = before,
            (OnFailure::Kept, _) => {}
            _ if entry.skip_on_failure => {}
            _ => return Err(error),
        }
        entry.site.skip(&error);
        Ok(())
    }
}
