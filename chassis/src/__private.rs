//! Not public API. What the macros write, each function the plain call beneath an attribute; and what the benchmarks
//! measure.

pub use crate::{
    context::PluginContext,
    contributions::{
        Contributions, Place, Placed, PlacedCheck, PlacedRoute, Subscribed, skip_on_failure,
    },
    error::Result,
    event::{FromMessage, Message},
    health::{Health, IntoHealth},
    http::{
        AnswerBare, AnswerKnown, AnswerUnknown, Answered, Argument, ArgumentBare, ArgumentKnown,
        ArgumentUnknown, AsksExchange, AsksRequest, Describing, Exchange, Known, Next, Request,
        Response,
    },
    metrics::IntoSamples,
    plugin::{
        Block, Linked, LinkedCrate, LinkedPlugin, NoConfig, Plugin, Registration, StaticInfo,
        registration,
    },
    point::{
        ActionPoint, CallPoint, FilterPoint, Flow, IntoAnswer, IntoDone, IntoFlow, LinkedPoint,
        Open, ProviderPoint, handler::IntoProvided,
    },
    points::POINTS,
};
pub use axum::{
    extract::{FromRequest, FromRequestParts},
    response::IntoResponse,
};
pub use http::Method;
pub use inventory;
pub use linkme;
pub use serde_json::Value;
pub use std::{any::Any, sync::Arc};

use crate::{
    call,
    http::{Around, AroundFn, CallMethod, MethodEndpoint},
    metrics::MetricSample,
    point::{ActionFn, CallFn, FilterFn, ProvideFn, handler},
    points,
};
use std::{any::TypeId, convert::Infallible};

/// The way of one connection into a generation: for those who measure it.
pub struct Entrance {
    current: Arc<crate::generation::Current>,
    shard: usize,
}

impl Entrance {
    /// # Panics
    ///
    /// If the service has stopped.
    pub fn of(handle: &crate::handle::ChassisHandle) -> Self {
        let reloader = handle.reloader().expect("the service runs");
        let current = Arc::clone(&reloader.current);
        Self {
            shard: current.shard(),
            current,
        }
    }

    /// What is held until it is dropped.
    #[inline]
    pub fn enter(&self) -> Option<impl Sized + use<>> {
        self.current.enter(self.shard)
    }
}

pub type BoxFuture<'a, T> = call::BoxFuture<'a, T>;

pub fn type_id<P: LinkedPlugin>() -> TypeId {
    TypeId::of::<P>()
}

/// # Panics
///
/// Never: blocks are found by the type of the instance.
pub fn instance<P: LinkedPlugin>(any: &Arc<dyn Any + Send + Sync>) -> Arc<P> {
    Arc::clone(any)
        .downcast()
        .expect("blocks are found by the type of the instance")
}

type FilterMethod<P, T, A> = for<'a> fn(&'a Arc<P>, &'a mut T) -> BoxFuture<'a, Result<Flow<A>>>;
type AskMethod<P, Q, R> = for<'a> fn(&'a Arc<P>, &'a Q) -> BoxFuture<'a, Result<R>>;
type AroundMethod<P> = for<'a> fn(&'a Arc<P>, Request, Next<'a>) -> BoxFuture<'a, Response>;

pub fn endpoint<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    this: &Arc<P>,
    method: Method,
    path: &str,
    place: Place,
    call: CallMethod<P>,
) -> PlacedRoute<'t> {
    to.endpoint(
        method,
        path,
        place,
        Arc::new(MethodEndpoint {
            this: Arc::clone(this),
            call,
        }),
    )
}

/// The answer of a handler that was not called, because an argument of it was wrong.
pub fn refused<'a>(error: crate::error::Error) -> BoxFuture<'a, Response> {
    let answer = axum::response::IntoResponse::into_response(error);
    Box::pin(std::future::ready(answer))
}

/// The request, for a handler that takes something of it.
pub fn request(exchange: &mut Exchange) -> Request {
    exchange.take_request()
}

pub fn filter<'t, P, T, A, S>(
    to: &'t mut Contributions,
    point: &'static FilterPoint<T, A, S>,
    this: &Arc<P>,
    place: Place,
    call: for<'a> fn(&'a Arc<P>, &'a mut T) -> Result<Flow<A>>,
) -> Placed<'t, S>
where
    P: Send + Sync + 'static,
    T: Send + 'static,
    A: Send + 'static,
{
    let this = Arc::clone(this);
    let handler: FilterFn<T, A> = FilterFn::sync(move |value| call(&this, value));
    to.add_sync(point.name, place, handler)
}

pub fn filter_async<'t, P, T, A, S>(
    to: &'t mut Contributions,
    point: &'static FilterPoint<T, A, S>,
    this: &Arc<P>,
    place: Place,
    call: FilterMethod<P, T, A>,
) -> Placed<'t, S>
where
    P: Send + Sync + 'static,
    T: Send + 'static,
    A: Send + 'static,
{
    let handler: FilterFn<T, A> = FilterFn::Async(method(this, call));
    to.add(point.name, place, handler, point.default_deadline())
}

pub fn action<'t, P: Send + Sync + 'static, T: Send + Sync + 'static>(
    to: &'t mut Contributions,
    point: &'static ActionPoint<T>,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, T, ()>,
) -> Placed<'t> {
    let handler: ActionFn<T> = method(this, call);
    to.add(point.name, place, handler, point.default_deadline())
}

pub fn provide<'t, P, T, Q>(
    to: &'t mut Contributions,
    point: &'static ProviderPoint<T, Q>,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, Q, T>,
) -> Placed<'t>
where
    P: Send + Sync + 'static,
    T: Send + 'static,
    Q: Send + Sync + 'static,
{
    let handler: ProvideFn<T, Q> = method(this, call);
    to.add(point.name, place, handler, point.default_deadline())
}

pub fn metrics<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, (), Vec<MetricSample>>,
) -> Placed<'t> {
    provide(to, &points::METRICS_COLLECT, this, place, call)
}

pub fn call<'t, P, Q, R>(
    to: &'t mut Contributions,
    point: &'static CallPoint<Q, R>,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, Q, Option<R>>,
) -> Placed<'t>
where
    P: Send + Sync + 'static,
    Q: Send + Sync + 'static,
    R: Send + 'static,
{
    let handler: CallFn<Q, R> = method(this, call);
    to.add(point.name, place, handler, point.default_deadline())
}

pub fn health<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    name: &str,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, (), Health>,
) -> PlacedCheck<'t> {
    to.add_check(name, place, method(this, call))
}

pub fn around<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    this: &Arc<P>,
    place: Place,
    call: AroundMethod<P>,
) -> Placed<'t> {
    let around: AroundFn = method(this, call);
    to.add(points::AROUND.name, place, around, None)
}

pub fn on<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    topic: &'static str,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, Message, ()>,
) -> Subscribed<'t> {
    to.subscription(topic, place, None, method(this, call))
}

pub fn filter_named<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    point: &'static str,
    this: &Arc<P>,
    place: Place,
    call: for<'a> fn(&'a Arc<P>, &'a mut Value) -> Result<Flow<Infallible>>,
) -> Placed<'t> {
    let this = Arc::clone(this);
    let handler: FilterFn<Value, Infallible> = FilterFn::sync(move |value| call(&this, value));
    to.add_sync(point, place, handler)
}

pub fn filter_async_named<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    point: &'static str,
    this: &Arc<P>,
    place: Place,
    call: FilterMethod<P, Value, Infallible>,
) -> Placed<'t> {
    let handler: FilterFn<Value, Infallible> = FilterFn::Async(method(this, call));
    to.add(point, place, handler, handler::DEADLINE)
}

pub fn action_named<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    point: &'static str,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, Value, ()>,
) -> Placed<'t> {
    let handler: ActionFn<Value> = method(this, call);
    to.add(point, place, handler, handler::DEADLINE)
}

pub fn provide_named<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    point: &'static str,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, Value, Value>,
) -> Placed<'t> {
    let handler: ProvideFn<Value, Value> = method(this, call);
    to.add(point, place, handler, handler::DEADLINE)
}

pub fn call_named<'t, P: Send + Sync + 'static>(
    to: &'t mut Contributions,
    point: &'static str,
    this: &Arc<P>,
    place: Place,
    call: AskMethod<P, Value, Option<Value>>,
) -> Placed<'t> {
    let handler: CallFn<Value, Value> = method(this, call);
    to.add(point, place, handler, handler::DEADLINE)
}

fn method<P, F>(this: &Arc<P>, call: F) -> Arc<crate::point::Method<P, F>> {
    Arc::new(crate::point::Method {
        this: Arc::clone(this),
        call,
    })
}

impl<P: Send + Sync> Around for crate::point::Method<P, AroundMethod<P>> {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Response> {
        (self.call)(&self.this, request, next)
    }
}

/// `METRICS.md`, as it should be.
pub fn metrics_page() -> String {
    crate::metrics::table::markdown()
}
