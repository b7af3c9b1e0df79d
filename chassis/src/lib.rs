//! The service chassis for Rust: a service is written as a set of **plugins**, and the chassis does the rest.
//!
//! ```no_run
//! //! A service that greets.
//! use chassis::prelude::*;
//!
//! /// Greets callers at `GET /hello/{name}`.
//! #[plugin]
//! async fn hello(cx: &mut PluginContext) -> Result<()> {
//!     cx.get("/hello/{name}", async |Path(name): Path<String>| format!("Hello, {name}!"));
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     chassis::main()
//! }
//! ```
//!
//! # The ideas
//!
//! - A **plugin** is a named, versioned part of a service with a life: [`Plugin`], made known by `#[plugin]`. It takes
//!   part by being linked; [`link!`] makes that visible, and checks it.
//! - Plugins are put **in order** by what they require, never by link order.
//! - An **instance** is a plugin that was built with a configuration. [`PluginContext`] is what it builds itself with.
//! - An **extension point** is a named place where plugins take part: [`FilterPoint`], [`ActionPoint`],
//!   [`ProviderPoint`], [`CallPoint`]. Those of the chassis itself are in [`points`].
//! - A **contribution** is what one instance puts at one point: [`Contributions`]. `#[contributes]` is written in terms
//!   of it.
//! - An **event** is something that happened, told to whoever subscribed: [`Event`], [`Events`]. It is queued, so that
//!   who tells it never waits.
//! - A **generation** is everything that serves at one time. It never changes: a reload builds the next one and swaps
//!   it in. A request sees exactly one, from its first hook to the last byte of its body: its [`Scope`].
//! - The **chassis** is the whole: [`Chassis::builder`], or just [`main`].
//!
//! # Features
//!
//! - `testing`: `TestChassis`, a service in a test, without ports, in virtual time.

// Read from the top. Each module uses only those below it. (`cargo xtask tidy` checks.)
pub mod prelude;
#[doc(hidden)]
pub mod __private;
#[cfg(feature = "testing")]
pub mod testing;
mod cli;
mod chassis;
mod management;
mod handle;
mod report;
mod reload;
mod lifecycle;
mod registry;
mod plugin;
mod context;
mod services;
mod telemetry;
mod listening;
mod server;
mod service;
mod generation;
mod instance;
mod contributions;
mod gate;
#[allow(unsafe_code, reason = "linkme puts the list of points in a section")]
pub mod points;
mod event;
mod http;
mod point;
mod command;
mod auth;
mod entry;
mod layers;
mod lines;
mod scope;
mod metrics;
mod call;
mod mark;
mod cause;
mod request_id;
mod trace_context;
mod status;
mod info;
mod graph;
mod watch;
mod config;
mod health;
mod credentials;
mod secret;
mod openapi;
mod error;
mod text;
mod digits;

#[doc(inline)]
pub use crate::{
    auth::{Access, AuthQuestion, Authentication, Principal, Public, Roles},
    call::{BoxFuture, Call, CallStats, Stall},
    chassis::{Chassis, ChassisBuilder, Running, Stopped},
    cli::main,
    command::{CliCommand, CommandCall},
    config::{
        AdmissionSettings, CheckSettings, Config, ConfigBuilder, ConfigLayer, ConfigReport,
        ConfigValue, DiscoverySettings, EventSettings, HealthSettings, LifecycleSettings,
        LogFormat, LogSettings, ManagementSettings, MetricsSettings, ProbationSettings,
        ReloadSettings, ServerSettings, ServiceSettings, Settings, ShutdownSettings, Violation,
        Violations, WhenFull, units,
    },
    context::{Background, PluginContext},
    contributions::{
        ByName, Contributions, Placed, PlacedAnswer, PlacedCheck, PlacedPage, PlacedRoute,
        Subscribed,
    },
    entry::{Service, ServiceEntry, ServiceHealth, ServiceQuestion},
    error::{BoxError, Code, Context, Error, Result, code},
    event::{
        DeadLetter, Event, EventDeliveries, EventDelivery, EventSubscription, EventTransport,
        Events, EventsReport, FromMessage, Message, Published, Settled, SubscriberReport,
        TopicPattern, TopicReport, TransportReport, WireEvent,
    },
    generation::StreamKind,
    handle::{ChassisHandle, Persisting},
    health::{Health, HealthState, IntoHealth},
    http::{
        Body, ClientAddr, Exchange, Json, MatchedPath, Metadata, Next, Outcome, Path, Query,
        RawPathParams, Request, Response, RouteDocs, RouteInfo, RoutePattern, Shared,
    },
    info::{PluginInfo, Stage},
    layers::TelemetryLayer,
    lifecycle::{PlannedChange, ReloadAction},
    lines::{LogLine, LogLines, LogSpan, LogSubject, LogValue},
    metrics::{
        FamilyKind, Meter, MetricFamily, MetricKind, MetricSample, MetricSeries, MetricValue,
        MetricsSnapshot,
    },
    openapi::SecurityScheme,
    plugin::{NoConfig, Plugin, PluginConfig, Registration},
    point::{
        ActionPoint, Answer, Bridge, CallPoint, Calling, FilterPoint, Flow, IntoAnswer, IntoDone,
        IntoFlow, MayFailOpen, Open, PointInfo, PointKind, PointSpec, Provided, ProviderPoint,
        ScopePoint, Sealed, Told,
    },
    reload::{
        GenerationReport, GenerationState, OnProbation, ProbationReport, ReloadPlan, Reloaded,
        Rollback, StreamReport,
    },
    report::{
        Addresses, Cause, CheckReport, ContributionReport, Explanation, HandlerReport,
        HealthReport, MetricReport, PluginReport, PluginStatus, PointReport, Probe, ServiceReport,
        Standing, Tie,
    },
    request_id::RequestId,
    scope::Scope,
    secret::Secret,
    services::{Discovered, Services},
    status::PluginState,
    telemetry::{ChangedLevel, LogReport},
    trace_context::{SpanId, TraceContext, TraceId},
};
pub use axum;
pub use chassis_macros::*;

/// Makes plugin crates take part, and checks that they do: a crate that is listed and registers nothing is an error
/// at start. It belongs into the service's `lib.rs`, so that its tests link the same plugins.
///
/// ```ignore
/// chassis::link!(chassis_request_tracing, chassis_security_headers);
/// ```
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {$(
        #[allow(unused_imports, reason = "linking it is the use")]
        use $krate as _;
        $crate::__private::inventory::submit! {
            $crate::__private::LinkedCrate {
                krate: stringify!($krate),
                place: $crate::__private::Place { handler: "link!", file: file!(), line: line!() },
            }
        }
    )+};
}
