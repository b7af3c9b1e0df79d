//! What one instance puts at extension points.

use crate::{
    call::{Bounds, Stats},
    command::{CliCommand, CommandCall},
    error::{Error, Result, code},
    health::Wish as HealthWish,
    http::{
        AroundFn, Endpoint, HandlerEndpoint, Inside, LayerFn, Metadata, Mount, Request,
        RequestTime, RouteContribution, RouteInfo, RoutePattern, check_arguments, check_path,
        erase,
    },
    point::{
        ActionClosure, ActionFn, ActionPoint, CallClosure, CallFn, CallPoint, FilterClosure,
        FilterFn, FilterPoint, IntoFlow, NamedPoint, PointSpec, ProvideClosure, ProvideFn,
        ProviderPoint,
        handler::{ActionClosureFn, CallClosureFn, FilterClosureFn, ProvideClosureFn},
        order::Wish,
    },
    points,
};
use axum::handler::Handler;
use bytes::Bytes;
use http::Method;
use std::{any::Any, marker::PhantomData, panic::Location, sync::Arc, time::Duration};

mod check;
mod placed;
mod subscribed;
mod by_name;
mod metrics;
mod pages;
mod around;
mod mounted;
mod hand_over;
mod described;
mod times;
mod guards;

use self::around::{AroundClosure, AroundClosureFn};
pub use self::{
    by_name::ByName,
    check::PlacedCheck,
    described::PlacedAnswer,
    pages::PlacedPage,
    placed::{Placed, PlacedRoute, skip_on_failure},
    subscribed::Subscribed,
};
pub(crate) use self::{
    described::{EarlyAnswer, Said},
    guards::being_replaced,
    hand_over::{HandOver, Handed},
    pages::About,
};

/// What one instance puts at extension points: routes, middleware, handlers.
///
/// `#[contributes]` is written in terms of this; by hand it is filled in
/// [`Plugin::contribute`](crate::Plugin::contribute), or in `init` through the context.
///
/// ```
/// use chassis::prelude::*;
///
/// /// Counts down.
/// #[plugin]
/// async fn countdown(cx: &mut PluginContext) -> Result<()> {
///     cx.get("/countdown/{from}", async |Path(from): Path<u32>| {
///         (0..=from).rev().map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
///     });
///     cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
///         exchange.response_headers_mut().insert("x-countdown", HeaderValue::from_static("yes"));
///     })
///     .priority(10)
///     .routes("/countdown/**");
///     Ok(())
/// }
/// ```
pub struct Contributions {
    pub(crate) owner: Arc<str>,
    pub(crate) handlers: Vec<Contribution>,
    pub(crate) routes: Vec<RouteContribution>,
    pub(crate) mounts: Vec<Mount>,
    /// What is answered on the management listener.
    pub(crate) pages: Vec<RouteContribution>,
    pub(crate) points: Vec<NamedPoint>,
    /// What the next instance gets of this one.
    pub(crate) hand_over: Option<HandOver>,
    /// Which routes it leaves open, if it shuts those that do not say who may call them.
    pub(crate) open_routes: Vec<RoutePattern>,
    /// What it says for the document of the service.
    pub(crate) said: Said,
    /// How long requests may take, by route.
    pub(crate) times: Vec<Arc<RequestTime>>,
}

/// What one instance puts at one point.
pub(crate) struct Contribution {
    pub(crate) point: Arc<str>,
    /// The method or closure, as it is shown.
    pub(crate) label: Arc<str>,
    pub(crate) origin: Arc<str>,
    pub(crate) handler: Arc<dyn Any + Send + Sync>,
    pub(crate) wish: Wish,
    pub(crate) deadline: Option<Duration>,
    pub(crate) skip_on_failure: bool,
    pub(crate) routes: Option<RoutePattern>,
    /// Why what was said of them can't be.
    pub(crate) bad_routes: Option<String>,
    pub(crate) buffered: Option<usize>,
    /// It does not await, so no deadline could cut it off.
    pub(crate) is_sync: bool,
    /// What is said of it as a health check.
    pub(crate) check: Option<Box<HealthWish>>,
    pub(crate) stats: Arc<Stats>,
}

/// Where a handler is written.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Place {
    pub handler: &'static str,
    pub file: &'static str,
    pub line: u32,
}

impl Place {
    #[track_caller]
    fn caller() -> Self {
        let caller = Location::caller();
        Self {
            handler: "(closure)",
            file: caller.file(),
            line: caller.line(),
        }
    }
}

impl Contributions {
    pub(crate) fn new(owner: Arc<str>) -> Self {
        Self {
            owner,
            handlers: Vec::new(),
            routes: Vec::new(),
            mounts: Vec::new(),
            pages: Vec::new(),
            points: Vec::new(),
            hand_over: None,
            open_routes: Vec::new(),
            said: Said::default(),
            times: Vec::new(),
        }
    }

    /// What is wrong with routes, what is limited to routes, and health checks; all else is found when a generation is put together.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = self.routes.iter().chain(&self.pages).filter_map(|route| {
            let path = &route.info.path;
            let checked = check_path(path).and_then(|()| check_arguments(path, &route.arguments));
            checked
                .err()
                .map(|error| error.from_origin(Arc::clone(&route.info.origin)))
        });
        let hooks = self.handlers.iter().filter_map(|put| {
            let wrong = Error::new(code::BAD_ROUTE, put.bad_routes.clone()?);
            Some(wrong.from_origin(Arc::clone(&put.origin)))
        });
        Error::all(
            wrong
                .chain(hooks)
                .chain(self.check_checks())
                .chain(self.said.check()),
        )
        .map_or(Ok(()), Err)
    }

    /// Puts a synchronous handler at a filter point: it costs no allocation when it is called.
    #[track_caller]
    pub fn filter<T, A, S, O>(
        &mut self,
        point: &'static FilterPoint<T, A, S>,
        handler: impl Fn(&mut T) -> O + Send + Sync + 'static,
    ) -> Placed<'_, S>
    where
        T: Send + 'static,
        A: Send + 'static,
        O: IntoFlow<A>,
    {
        let handler: FilterFn<T, A> = FilterFn::sync(move |value| handler(value).into_flow());
        self.add_sync(point.name, Place::caller(), handler)
    }

    /// Puts an asynchronous handler at a filter point.
    #[track_caller]
    pub fn filter_async<T, A, S>(
        &mut self,
        point: &'static FilterPoint<T, A, S>,
        handler: impl for<'a> FilterClosureFn<'a, T, A> + Clone + Send + Sync + 'static,
    ) -> Placed<'_, S>
    where
        T: Send + 'static,
        A: Send + 'static,
    {
        let handler: FilterFn<T, A> = FilterFn::Async(Arc::new(FilterClosure(handler)));
        self.add(
            point.name,
            Place::caller(),
            handler,
            point.default_deadline(),
        )
    }

    /// Puts a handler at an action point.
    #[track_caller]
    pub fn action<T: Send + Sync + 'static>(
        &mut self,
        point: &'static ActionPoint<T>,
        handler: impl for<'a> ActionClosureFn<'a, T> + Clone + Send + Sync + 'static,
    ) -> Placed<'_> {
        let handler: ActionFn<T> = Arc::new(ActionClosure(handler));
        self.add(
            point.name,
            Place::caller(),
            handler,
            point.default_deadline(),
        )
    }

    /// Gives the program a subcommand, `orders migrate`: see [`CliCommand`].
    #[track_caller]
    pub fn command<F, Fut>(&mut self, name: &str, about: &str, run: F) -> Placed<'_>
    where
        F: FnOnce(CommandCall) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let command = CliCommand::new(name, about, run);
        self.provide(&points::CLI_COMMANDS, move |_: &()| {
            std::future::ready(Ok::<_, Error>(command))
        })
    }

    /// Puts a handler at a provider point.
    #[track_caller]
    pub fn provide<T: Send + 'static, Q: Send + Sync + 'static>(
        &mut self,
        point: &'static ProviderPoint<T, Q>,
        handler: impl for<'a> ProvideClosureFn<'a, Q, T> + Clone + Send + Sync + 'static,
    ) -> Placed<'_> {
        let handler: ProvideFn<T, Q> = Arc::new(ProvideClosure(handler));
        self.add(
            point.name,
            Place::caller(),
            handler,
            point.default_deadline(),
        )
    }

    /// Puts a handler at a call point.
    #[track_caller]
    pub fn call<Q: Send + Sync + 'static, R: Send + 'static>(
        &mut self,
        point: &'static CallPoint<Q, R>,
        handler: impl for<'a> CallClosureFn<'a, Q, R> + Clone + Send + Sync + 'static,
    ) -> Placed<'_> {
        let handler: CallFn<Q, R> = Arc::new(CallClosure(handler));
        self.add(
            point.name,
            Place::caller(),
            handler,
            point.default_deadline(),
        )
    }

    /// Puts handlers at a point that is known by its name only; they take and give JSON.
    pub fn at(&mut self, point: impl Into<Arc<str>>) -> ByName<'_> {
        ByName {
            to: self,
            point: point.into(),
        }
    }

    /// Puts middleware around what is inside it: an async function of a request and [`Next`](crate::Next).
    ///
    /// A pair of hooks (`filter` at `middleware.pre_request` and `middleware.post_response`) costs less; this is for
    /// what has to hold the future inside it.
    #[track_caller]
    pub fn around<F>(&mut self, around: F) -> Placed<'_>
    where
        F: for<'a> AroundClosureFn<'a> + Clone + Send + Sync + 'static,
    {
        let around: AroundFn = Arc::new(AroundClosure(around));
        self.add(points::AROUND.name, Place::caller(), around, None)
    }

    /// Puts a tower layer around what is inside it.
    ///
    /// It is applied anew for each generation: what it shares between requests has to sit in the layer.
    #[track_caller]
    pub fn layer<L, B>(&mut self, layer: L) -> Placed<'_>
    where
        L: tower::Layer<Inside> + Send + Sync + 'static,
        L::Service:
            tower::Service<Request, Response = http::Response<B>> + Clone + Send + Sync + 'static,
        <L::Service as tower::Service<Request>>::Error: Into<crate::error::BoxError>,
        <L::Service as tower::Service<Request>>::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<crate::error::BoxError>,
    {
        let layer: LayerFn = erase(layer);
        self.add(points::LAYERS.name, Place::caller(), layer, None)
    }

    /// Leaves routes open for everybody that do not say who may call them. What a mounted router answers is compared by the path
    /// of the request.
    ///
    /// It means something only where the plugin shuts them: [`Plugin::SHUTS_ROUTES`](crate::Plugin::SHUTS_ROUTES).
    pub fn open_routes(&mut self, patterns: impl IntoIterator<Item = RoutePattern>) {
        self.open_routes.extend(patterns);
    }

    /// Declares an extension point whose name or payload is known only now. Its payload is JSON.
    ///
    /// # Errors
    ///
    /// If this plugin has declared one of that name already. (If another one has, the start fails.)
    #[track_caller]
    pub fn declare(&mut self, spec: PointSpec) -> Result<()> {
        let place = Location::caller();
        let origin = format!("`{}` ({}:{})", self.owner, place.file(), place.line());
        if self.points.iter().any(|point| point.spec.name == spec.name) {
            let message = format!("the point `{}` is declared twice", spec.name);
            return Err(Error::new(code::DUPLICATE, message).from_origin(origin));
        }
        self.points.push(NamedPoint {
            spec,
            origin: origin.into(),
        });
        Ok(())
    }

    pub(crate) fn endpoint(
        &mut self,
        method: Method,
        path: &str,
        place: Place,
        endpoint: Arc<dyn Endpoint>,
    ) -> PlacedRoute<'_> {
        let route = self.make_route(method, path, place, endpoint);
        let index = self.routes.len();
        self.routes.push(route);
        PlacedRoute {
            route: &mut self.routes[index],
        }
    }

    fn make_route(
        &self,
        method: Method,
        path: &str,
        place: Place,
        endpoint: Arc<dyn Endpoint>,
    ) -> RouteContribution {
        let Place {
            handler,
            file,
            line,
        } = place;
        let origin: Arc<str> = format!("{file}:{line}").into();
        let owner = Arc::clone(&self.owner);
        let info = RouteInfo {
            method,
            path: path.into(),
            owner,
            origin,
            metadata: Metadata::default(),
        };
        RouteContribution {
            info: Arc::new(info),
            endpoint,
            gate: None,
            handler,
            described: None,
            is_bare: false,
            arguments: String::new(),
            deadline: None,
            bounds: Bounds::default(),
            stats: Arc::default(),
            ward: None,
        }
    }

    /// The same for a handler that does not await.
    pub(crate) fn add_sync<S, H: Send + Sync + 'static>(
        &mut self,
        point: impl Into<Arc<str>>,
        place: Place,
        handler: H,
    ) -> Placed<'_, S> {
        let placed = self.add(point, place, handler, None);
        placed.contribution.is_sync = true;
        placed
    }

    pub(crate) fn add<S, H: Send + Sync + 'static>(
        &mut self,
        point: impl Into<Arc<str>>,
        place: Place,
        handler: H,
        deadline: Option<Duration>,
    ) -> Placed<'_, S> {
        let Place {
            handler: label,
            file,
            line,
        } = place;
        let contribution = Contribution {
            point: point.into(),
            label: label.into(),
            origin: format!("{file}:{line}").into(),
            handler: Arc::new(handler),
            wish: Wish {
                plugin: Arc::clone(&self.owner),
                ..Wish::default()
            },
            deadline,
            skip_on_failure: false,
            routes: None,
            bad_routes: None,
            buffered: None,
            is_sync: false,
            check: None,
            stats: Arc::default(),
        };
        let index = self.handlers.len();
        self.handlers.push(contribution);
        Placed {
            contribution: &mut self.handlers[index],
            marker: PhantomData,
        }
    }
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $method:ident;)*) => {
        impl Contributions {$(
            $(#[$doc])*
            ///
            /// The handler is anything that axum takes as one, but with the path extractors of the chassis.
            #[track_caller]
            pub fn $name<H, T>(&mut self, path: &str, handler: H) -> PlacedRoute<'_>
            where
                H: Handler<T, ()> + Sync,
                T: 'static,
            {
                self.route(Method::$method, path, handler)
            }
        )*}
    };
}

methods! {
    /// Answers `GET` (and `HEAD`) at a path.
    get GET;
    /// Answers `POST` at a path.
    post POST;
    /// Answers `PUT` at a path.
    put PUT;
    /// Answers `PATCH` at a path.
    patch PATCH;
    /// Answers `DELETE` at a path.
    delete DELETE;
}

impl Contributions {
    /// Answers a method at a path.
    ///
    /// The handler is anything that axum takes as one, but with the path extractors of the chassis.
    #[track_caller]
    pub fn route<H, T>(&mut self, method: Method, path: &str, handler: H) -> PlacedRoute<'_>
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        let endpoint = HandlerEndpoint {
            handler,
            arguments: PhantomData,
        };
        let route = self.endpoint(method, path, Place::caller(), Arc::new(endpoint));
        route.arguments(&[std::any::type_name::<T>()])
    }
}
