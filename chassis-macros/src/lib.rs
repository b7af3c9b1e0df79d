//! The attributes of `chassis`. Use them from there: `use chassis::prelude::*;`.
//!
//! | attribute | stands on | does |
//! |---|---|---|
//! | [`#[plugin]`](macro@plugin) | a struct or an async function | makes it a plugin, found at link time |
//! | [`#[contributes]`](macro@contributes) | an impl block of a plugin | wires its methods |
//! | [`#[get]`](macro@get), [`#[post]`](macro@post), [`#[put]`](macro@put), [`#[patch]`](macro@patch), [`#[delete]`](macro@delete), [`#[head]`](macro@head), [`#[options]`](macro@options) | a method in such a block | answers at a path |
//! | [`#[filter]`](macro@filter), [`#[action]`](macro@action), [`#[provide]`](macro@provide), [`#[call]`](macro@call) | a method in such a block | takes part at an extension point |
//! | [`#[around]`](macro@around) | a method in such a block | stands around the handlers of requests |
//! | [`#[health]`](macro@health) | a method in such a block | is a health check |
//! | [`#[metrics]`](macro@metrics) | a method in such a block | collects metrics, every now and then |
//! | [`#[extension_point]`](macro@extension_point) | a static | puts the point on the list |
//!
//! Nothing here "runs": an attribute describes what it stands on, and the chassis reads the description at start.
//! What a mistake looks like is in `tests/ui/fail`, one file for each.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;

// Read from the bottom: an attribute is read, what it stands on is read, both are judged, code is written.
mod run;
mod expand;
mod valid;
mod item;
mod attr;
mod errors;

/// Makes a struct or an async function a plugin that takes part by being linked.
///
/// ```
/// use chassis::prelude::*;
///
/// /// Greets callers at `GET /hello/{name}`.
/// #[plugin(requires = ["users ^1.2"])]
/// pub struct Hello {
///     greeting: String,
/// }
///
/// # /// The config.
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # pub struct HelloConfig { greeting: String }
/// impl Plugin for Hello {
///     type Config = HelloConfig;
///
///     async fn init(config: HelloConfig, cx: &mut PluginContext) -> Result<Self> {
///         Ok(Self { greeting: config.greeting })
///     }
/// }
///
/// /// Thanks people for their orders.
/// #[plugin]
/// async fn thanks(cx: &mut PluginContext) -> Result<()> {
///     Ok(())
/// }
///
/// /// With a config of its own.
/// #[plugin]
/// async fn greets(config: HelloConfig, cx: &mut PluginContext) -> Result<()> {
///     Ok(())
/// }
/// ```
///
/// The item stays as it is. The name of the plugin is that of the type or function in kebab case:
/// `RequestTracing` is `request-tracing`, `HTTPHello` is `http-hello`. Version, authors, licence, homepage and
/// repository are the crate's; the description is the first line of the doc comment.
///
/// A function plugin is a type of the function's name, too, so that `builder.plugin::<thanks>()` can name it.
///
/// A generic struct can't have this attribute, because there would be one plugin for each type. Implement `Plugin` by
/// hand, and register it with `Registration::new::<Store<Redis>>(info)`.
///
/// # Keys
///
/// | key | means | unless given |
/// |---|---|---|
/// | `name = "http-hello"` | lower-case words joined by hyphens | the type or function in kebab case |
/// | `version = "1.2.0"` | a full semantic version | the crate's |
/// | `requires = ["orders", "cache ^1.2", "chassis ^0.1"]` | plugins and capabilities that must be there, and running before it; a version as for Cargo | none |
/// | `after = ["orders"]`, `before = ["audit"]` | its place in the order, if those are there | none |
/// | `provides = ["cache 1.3"]` | capabilities that others can require | none |
/// | `exclusive = ["port 9000"]` | what it holds and can't be there twice: a reload stops it before it builds the next | none |
/// | `tags = ["http"]` | words to find it by | none |
/// | `required` | the service can't run without it | it can |
/// | `stage = "bootstrap"` | built before all others | built with them |
/// | `crate = my::chassis` | where the `chassis` crate is, if it is renamed or re-exported | `::chassis` |
#[proc_macro_attribute]
pub fn plugin(attr: TokenStream, item: TokenStream) -> TokenStream {
    run::plugin(attr.into(), &item.into()).into()
}

/// Wires the methods of a plugin: each where its attributes say.
///
/// ```
/// # use chassis::prelude::*;
/// # #[plugin]
/// # struct Hello { greeting: String }
/// # impl Plugin for Hello {
/// #     type Config = NoConfig;
/// #     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self { greeting: "Hello".into() }) }
/// # }
/// #[contributes]
/// impl Hello {
///     #[get("/hello/{name}")]
///     async fn hello(&self, Path(name): Path<String>) -> String {
///         format!("{}, {name}!", self.greeting)
///     }
///
///     #[filter(points::PRE_REQUEST, priority = 10)]
///     fn stamp(&self, exchange: &mut Exchange) {}
///
///     fn not_wired(&self) {}
/// }
/// ```
///
/// A plugin may have any number of such blocks. A method takes `&self`, or `self: &Arc<Self>` if something of it
/// outlives the call. It may have several attributes; a `#[cfg]` on it holds for its wiring too. The attributes need
/// no import inside the block, and their errors point at what is wrong.
///
/// The block stays as it is but for those attributes (and but for two lints of clippy that would warn of what they ask
/// for). It must be `impl Hello { .. }`: not of a trait, not generic
/// (contribute by hand in `Plugin::contribute` there).
///
/// # Keys
///
/// `crate = my::chassis`: where the `chassis` crate is, if it is renamed or re-exported. It holds for the attributes in
/// the block.
#[proc_macro_attribute]
pub fn contributes(attr: TokenStream, item: TokenStream) -> TokenStream {
    run::contributes(attr.into(), &item.into()).into()
}

/// Puts a point on the list of extension points, with its doc comment and the place where it is declared.
///
/// ```
/// use chassis::prelude::*;
///
/// /// The price of an order, in cents, before it is charged.
/// #[extension_point]
/// pub static PRICE: FilterPoint<u64> = FilterPoint::new("shop.price");
/// ```
///
/// The static stays as it is. A point without this attribute is not known to the chassis, and nothing can be
/// contributed to it. It works in a crate that forbids unsafe code.
///
/// # Keys
///
/// `crate = my::chassis`: where the `chassis` crate is, if it is renamed or re-exported.
#[proc_macro_attribute]
pub fn extension_point(attr: TokenStream, item: TokenStream) -> TokenStream {
    run::extension_point(attr.into(), &item.into()).into()
}

/// Attributes that `#[contributes]` reads. Where it does not stand above them, they say so: without these, the
/// compiler would say that it can't find an attribute of the name, and suggest a function.
macro_rules! read_by_contributes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[proc_macro_attribute]
        pub fn $name(_attr: TokenStream, item: TokenStream) -> TokenStream {
            run::alone(stringify!($name), &item.into()).into()
        }
    )*};
}

read_by_contributes! {
    /// Answers `GET` requests at a path (and `HEAD` requests, if no `#[head]` does).
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # #[plugin]
    /// # struct Shop;
    /// # impl Plugin for Shop {
    /// #     type Config = NoConfig;
    /// #     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self) }
    /// # }
    /// # #[derive(serde::Serialize, serde::Deserialize)]
    /// # struct Order;
    /// # type NewOrder = Order;
    /// # type User = HeaderMap;
    /// # #[contributes]
    /// # impl Shop {
    /// #[get("/orders/{id}", deadline = "2s")]
    /// async fn order(&self, Path(id): Path<u64>) -> Result<Json<Order>> {
    ///     # _ = id;
    ///     Ok(Json(Order))
    /// }
    ///
    /// #[post("/orders")]
    /// async fn place(&self, user: User, Json(order): Json<NewOrder>) -> StatusCode {
    ///     # _ = (user, order);
    ///     StatusCode::CREATED
    /// }
    /// # }
    /// ```
    ///
    /// An async method in a `#[contributes]` block. Its arguments are extractors: all but the last
    /// `FromRequestParts<()>`, the last `FromRequest<()>`. What it returns is `IntoResponse`. A parameter of the path is
    /// written `{name}`, the rest of it `{*name}`.
    ///
    /// # Keys
    ///
    /// | key | means |
    /// |---|---|
    /// | `deadline = "2s"` | how long it may take (`250ms`, `30s`, `5m`, `2h`) |
    /// | `scopes = ["orders:read"]` | only callers with all of these scopes may call it; `[]` asks who they are: `points::AUTHENTICATE` |
    /// | `with = Audited` | attaches a value to the route, for hooks to read; may be given again |
    ///
    /// # What hooks may know of a route
    ///
    /// `with` takes any expression. Its value is `Clone + Send + Sync + 'static`, and is found by its type: each `with` of
    /// a route has a type of its own (of two of one type, the last is kept). It is evaluated when the plugin is wired, not
    /// for each request; `self` is not there, `Self::CONSTANT` is.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # use chassis::{Error, code};
    /// # #[plugin]
    /// # struct Shop;
    /// # impl Plugin for Shop {
    /// #     type Config = NoConfig;
    /// #     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self) }
    /// # }
    /// /// The largest body that makes sense here.
    /// #[derive(Clone)]
    /// pub struct AtMost(u64);
    ///
    /// /// Requests of this route are written to the audit log.
    /// #[derive(Clone)]
    /// pub struct Audited;
    ///
    /// #[contributes]
    /// impl Shop {
    ///     #[put("/orders/{id}/note", scopes = ["orders:write"], with = AtMost(1_000), with = Audited)]
    ///     async fn note(&self, Path(id): Path<u64>, note: String) -> StatusCode {
    ///         # _ = (id, note);
    ///         StatusCode::NO_CONTENT
    ///     }
    ///
    ///     // As a rule in another plugin, which knows of `AtMost`, but of no route.
    ///     #[filter(points::PRE_REQUEST)]
    ///     fn check(&self, exchange: &mut Exchange) -> Result<()> {
    ///         let most = exchange.route().and_then(|route| route.metadata.get::<AtMost>());
    ///         let length = exchange.headers().get("content-length");
    ///         let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    ///         match (most, length) {
    ///             (Some(AtMost(most)), Some(length)) if length > *most => {
    ///                 Err(Error::new(code::BODY_TOO_LARGE, format!("more than {most} bytes")))
    ///             }
    ///             _ => Ok(()),
    ///         }
    ///     }
    /// }
    /// ```
    get;

    /// Answers `POST` requests at a path; see [`#[get]`](macro@get).
    post;

    /// Answers `PUT` requests at a path; see [`#[get]`](macro@get).
    put;

    /// Answers `PATCH` requests at a path; see [`#[get]`](macro@get).
    patch;

    /// Answers `DELETE` requests at a path; see [`#[get]`](macro@get).
    delete;

    /// Answers `HEAD` requests at a path; see [`#[get]`](macro@get).
    head;

    /// Answers `OPTIONS` requests at a path; see [`#[get]`](macro@get).
    options;

    /// Changes a value at a filter point, on its way through all filters there.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # #[plugin]
    /// # struct Shop;
    /// # impl Plugin for Shop {
    /// #     type Config = NoConfig;
    /// #     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self) }
    /// # }
    /// # use serde_json::Value;
    /// # type Price = u64;
    /// # #[extension_point]
    /// # static PRICE: FilterPoint<Price> = FilterPoint::new("shop.price");
    /// # #[contributes]
    /// # impl Shop {
    /// #[filter(PRICE, priority = 10, after = "taxes")]
    /// async fn discount(&self, price: &mut Price) -> Result<()> {
    ///     *price -= *price / 10;
    ///     Ok(())
    /// }
    ///
    /// #[filter(points::PRE_REQUEST, routes = "/orders/**")]
    /// fn stamp(&self, exchange: &mut Exchange) -> Flow {
    ///     if exchange.headers().contains_key("x-bad") { Flow::respond(StatusCode::BAD_REQUEST) } else { Flow::Continue }
    /// }
    ///
    /// #[filter("shop.price")]
    /// fn round(&self, price: &mut Value) {
    ///     *price = price.as_f64().map(f64::round).into();
    /// }
    /// # }
    /// ```
    ///
    /// An async method, or a sync one, which costs no allocation, in a `#[contributes]` block. It takes `&mut T` and
    /// returns nothing, a `Flow` (where the point's type has an answer), or a `Result` of these. By the name of a point
    /// instead of its path, the value is JSON.
    ///
    /// # Keys
    ///
    /// | key | means |
    /// |---|---|
    /// | `priority = 10` | its place in the order, lower first; 0 unless given |
    /// | `after = "taxes"`, `before = ["audit", "log"]` | its place among those of other plugins, if they are there |
    /// | `requires = "taxes"` | as `after`, and not without that one |
    /// | `deadline = "2s"` | how long it may take; only if it is async |
    /// | `on_failure = "skip"` | when it fails, go on without it; not at a sealed point |
    /// | `routes = "/orders/**"` | only for these routes, at `middleware.*` |
    /// | `body = buffered("1MiB")` | wait for the body first, up to this size; at `middleware.*` |
    filter;

    /// Is told something at an action point.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # #[plugin]
    /// # struct Shop;
    /// # impl Plugin for Shop {
    /// #     type Config = NoConfig;
    /// #     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self) }
    /// # }
    /// # type Order = u64;
    /// # #[extension_point]
    /// # static CANCELLED: ActionPoint<Order> = ActionPoint::new("shop.cancelled");
    /// # #[contributes]
    /// # impl Shop {
    /// #[action(CANCELLED, deadline = "2s")]
    /// async fn refund(&self, order: &Order) -> Result<()> {
    ///     println!("order {order} is paid back");
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// An async method in a `#[contributes]` block. It takes `&T`, and returns nothing or a `Result<()>`; a failure is
    /// logged and counted, and stops nobody else. By the name of a point instead of its path, the value is JSON.
    ///
    /// Keys: `priority`, `after`, `before`, `requires`, `deadline`, as for [`#[filter]`](macro@filter).
    action;

    /// Gives something at a provider point.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # #[plugin]
    /// # struct Shop;
    /// # impl Plugin for Shop {
    /// #     type Config = NoConfig;
    /// #     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self) }
    /// # }
    /// # type Widget = String;
    /// # #[extension_point]
    /// # static WIDGETS: ProviderPoint<Widget> = ProviderPoint::new("shop.widgets");
    /// # #[contributes]
    /// # impl Shop {
    /// #[provide(WIDGETS)]
    /// async fn clock(&self) -> Result<Widget> {
    ///     Ok("12:00".into())
    /// }
    /// # }
    /// ```
    ///
    /// An async method in a `#[contributes]` block. It takes the question, `&Q`, or nothing, and returns a `Result` of
    /// what the point asks for. By the name of a point instead of its path, both are JSON.
    ///
    /// Keys: `priority`, `after`, `before`, `requires`, `deadline`, as for [`#[filter]`](macro@filter).
    provide;

    /// Answers at a call point.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # #[plugin]
    /// # struct Shop;
    /// # impl Plugin for Shop {
    /// #     type Config = NoConfig;
    /// #     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self) }
    /// # }
    /// # type Card = u64;
    /// # type Receipt = String;
    /// # #[extension_point]
    /// # static CHARGE: CallPoint<Card, Receipt> = CallPoint::new("shop.charge");
    /// # #[contributes]
    /// # impl Shop {
    /// #[call(CHARGE)]
    /// async fn charge(&self, card: &Card) -> Result<Option<Receipt>> {
    ///     Ok((*card > 0).then(|| "paid".into()))
    /// }
    /// # }
    /// ```
    ///
    /// An async method in a `#[contributes]` block. It takes the question, `&Q`, and returns an `Option` or a `Result` of
    /// one; `None` says that it has no answer, and the next one is asked. By the name of a point instead of its path,
    /// both are JSON.
    ///
    /// Keys: `priority`, `after`, `before`, `requires`, `deadline`, as for [`#[filter]`](macro@filter).
    call;

    #[doc = include_str!("../docs/on.md")]
    on;

    /// Stands around all that is inside of it, down to the handler.
    ///
    /// ```
    /// # use chassis::prelude::*;
    /// # #[plugin]
    /// # struct Shop;
    /// # impl Plugin for Shop {
    /// #     type Config = NoConfig;
    /// #     async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> { Ok(Self) }
    /// # }
    /// # use std::time::Instant;
    /// # #[contributes]
    /// # impl Shop {
    /// #[around(priority = -10, routes = "/orders/**")]
    /// async fn timed(&self, request: Request, next: Next<'_>) -> Response {
    ///     let since = Instant::now();
    ///     let response = next.run(request).await;
    ///     println!("{:?}", since.elapsed());
    ///     response
    /// }
    /// # }
    /// ```
    ///
    /// An async method in a `#[contributes]` block. What it returns is `IntoResponse`. It stands in one order with the
    /// filters at `middleware.*`: the lower its priority, the farther outside.
    ///
    /// Keys: `priority`, `after`, `before`, `requires`, `deadline`, `routes`, as for [`#[filter]`](macro@filter).
    around;

    #[doc = include_str!("../docs/health.md")]
    health;

    #[doc = include_str!("../docs/metrics.md")]
    metrics;
}
