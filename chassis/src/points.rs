//! The points that the chassis itself declares. Each of them fires.

use crate::{
    auth::{Access, AuthQuestion, Authentication},
    command::CliCommand,
    config::{Config, ConfigLayer, LogSettings},
    entry::{ServiceEntry, ServiceQuestion},
    error::{Error, Result, code},
    event::{EventPoint, TransportPoint},
    health::Health,
    http::{Exchange, Response},
    info::PluginInfo,
    layers::TelemetryLayer,
    lines::LogLines,
    metrics::{MetricSample, MetricsSnapshot},
    point::{
        ActionPoint, CallPoint, Contributed, DeclaredPoint, FilterPoint, Index, LinkedPoint,
        PointInfo, PointKind, ProviderPoint, Sealed,
    },
    status::PluginState,
};
use chassis_macros::extension_point;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{any::Any, sync::Arc};

/// Every point that is linked into the program.
///
/// `linkme` rather than `inventory`, because this list is complete before `main` and can be read from a constant: a
/// point needs no code that runs before it. Its two known holes do not reach us: the crash of some Windows linkers on
/// *empty* slices (this one never is: the chassis declares points itself), and elements dropped under a hand-set
/// linker flag (such a point is not silently lost: using it is the error `point.unknown`). Plugins are found with
/// `inventory`, which has neither: a lost plugin would be silent.
#[linkme::distributed_slice]
#[doc(hidden)]
pub static POINTS: [LinkedPoint];

/// Every request, after its route was matched and before its handler is called. A handler may answer.
#[extension_point(crate = crate)]
pub static PRE_REQUEST: FilterPoint<Exchange, Response> =
    FilterPoint::new("middleware.pre_request").without_deadline();

/// Every response, in the reverse order of `middleware.pre_request`. A handler may replace it.
#[extension_point(crate = crate)]
pub static POST_RESPONSE: FilterPoint<Exchange, Response> =
    FilterPoint::new("middleware.post_response").without_deadline();

/// Middleware that has to hold the future of what is inside it.
#[extension_point(crate = crate)]
pub static AROUND: OwnPoint = OwnPoint {
    name: "middleware.around",
    kind: PointKind::Filter,
    payload: "Request",
    answer: "Response",
};

/// Tower layers, in one order with the hooks of `middleware.*`.
#[extension_point(crate = crate)]
pub static LAYERS: OwnPoint = OwnPoint {
    name: "http.layers",
    kind: PointKind::Provider,
    payload: "()",
    answer: "tower::Layer",
};

/// Routes and mounted routers.
#[extension_point(crate = crate)]
pub static ROUTES: OwnPoint = OwnPoint {
    name: "http.routes",
    kind: PointKind::Provider,
    payload: "()",
    answer: "Router",
};

/// Pages of plugins on the management listener, at `/plugins/{name}/pages`: `cx.management_get(..)` is the way to it.
#[extension_point(crate = crate)]
pub static PAGES: OwnPoint = OwnPoint {
    name: "management.routes",
    kind: PointKind::Provider,
    payload: "()",
    answer: "Router",
};

/// Who the caller is, for routes with scopes and for handlers that take a [`Principal`](crate::Principal): asked once for a
/// request, in order, until somebody knows. Whoever fails ends it, and the handler is not called; where nobody stands here who
/// is alive, the answer is 503.
///
/// A plugin that stands here, or at `auth.authorize`, is `required` once it is built, unless its section says otherwise: it
/// can't be left out because its `start` fails, and readiness waits for it. Whether one will stand here whose `init` fails
/// nobody can know: say `#[plugin(required)]`. To disable one over the management endpoints takes `?force=true`.
///
/// ```
/// use chassis::{AuthQuestion, Authentication, prelude::*};
///
/// /// Knows one token.
/// #[plugin(required)]
/// async fn one_token(cx: &mut PluginContext) -> Result<()> {
///     cx.call(&points::AUTHENTICATE, async |asked: &AuthQuestion| {
///         Some(match asked.bearer() {
///             None => Authentication::missing("Bearer realm=\"orders\""),
///             Some("sesame") => Principal::new("ali").scope("orders:read").into(),
///             Some(_) => Authentication::refused("Bearer error=\"invalid_token\""),
///         })
///     });
///     Ok(())
/// }
/// ```
#[extension_point(crate = crate)]
pub static AUTHENTICATE: CallPoint<AuthQuestion, Authentication> =
    CallPoint::new("auth.authenticate").json();

/// Whether the caller may do what it wants to do, once it is known. A handler may deny it (403), or change the principal, whose
/// scopes are looked at afterwards; one that fails denies it too.
#[extension_point(crate = crate)]
pub static AUTHORIZE: FilterPoint<Access, Denied, Sealed> =
    FilterPoint::new("auth.authorize").json();

/// Events, delivered to those who subscribe with `#[on(..)]`, `cx.on(..)` or `cx.subscribe(..)`. What a handler fails at is
/// tried again as often as it wants, and then kept as a dead letter.
#[extension_point(crate = crate)]
pub static EVENTS: EventPoint = EventPoint::new("events.deliver");

/// What carries events between services: each contribution is an [`EventTransport`](crate::EventTransport), and the setting
/// `events.transport` chooses one by the name of its plugin. `cx.event_transport(..)` is the way to it.
#[extension_point(crate = crate)]
pub static EVENTS_TRANSPORT: TransportPoint = TransportPoint::new("events.transport");

/// Who gives configuration besides the files: each answer is a layer over those before it, over the files, and under the
/// environment. Only plugins of the stage `bootstrap` are there in time to be asked; they themselves are configured by
/// files, environment and program alone. They are asked at start and at every reload.
///
/// If one fails, the service does not start where its plugin is `required` (a reload leaves the old generation
/// serving); otherwise what it gave last time is used, or nothing, and the log says so.
#[extension_point(crate = crate)]
pub static CONFIG_LOAD: ProviderPoint<ConfigLayer, ConfigQuestion> =
    ProviderPoint::new("config.load").json();

/// How everything is: each contribution is a health check, and gives one [`Health`]. `cx.health(..)` and `#[health]` are
/// the short ways to it.
///
/// A check is called `plugin/check`. One that was put here by the long way (`cx.provide`, `cx.at`, `#[provide]`) is called as
/// its method, or else `health`.
///
/// The chassis asks each of them in the background, at its own interval, and keeps the last answer: ask
/// [`ChassisHandle::health`](crate::ChassisHandle::health), not this point.
#[extension_point(crate = crate)]
pub static HEALTH_CHECK: ProviderPoint<Health> = ProviderPoint::new("health.check").json();

/// Subcommands of the program, beside those that every service has: `orders migrate`.
#[extension_point(crate = crate)]
pub static CLI_COMMANDS: ProviderPoint<CliCommand> = ProviderPoint::new("cli.commands");

/// Metrics that plugins collect, every `metrics.interval`, in the background. `GET /metrics` shows what was given last.
#[extension_point(crate = crate)]
pub static METRICS_COLLECT: ProviderPoint<Vec<MetricSample>> =
    ProviderPoint::new("metrics.collect").json();

/// Who listens to what is traced: spans and events, for a collector of traces or an alarm. Only plugins of the stage `bootstrap` are
/// asked, when the service starts, and only where `chassis::main` has installed the log.
///
/// A log is installed once in a process: a layer is there until the process ends, also when a reload has stopped the instance that
/// gave it, and later instances are not asked. So it must not hold the instance.
///
/// ```
/// use chassis::{TelemetryLayer, prelude::*};
/// # use tracing_subscriber::Layer;
/// # struct Collector;
/// # impl<S: tracing::Subscriber> Layer<S> for Collector {}
///
/// /// Sends traces to a collector: those of requests, and of the calls in them.
/// #[plugin(stage = "bootstrap")]
/// async fn collector(cx: &mut PluginContext) -> Result<()> {
///     cx.provide(&points::TELEMETRY_LAYERS, async |_: &()| {
///         // tracing_opentelemetry::layer(), or any other.
///         TelemetryLayer::new(Collector).wants("info,chassis::call=trace")
///     });
///     Ok(())
/// }
/// ```
#[extension_point(crate = crate)]
pub static TELEMETRY_LAYERS: ProviderPoint<TelemetryLayer> = ProviderPoint::new("telemetry.layers");

/// Who writes the lines of the log, in place of the chassis: in another form, with other levels. Only plugins of the stage `bootstrap`
/// are asked, what `log` says in hand, and only where `chassis::main` has installed the log; of several the first in order writes. Until
/// it is built, the chassis writes as `log` says.
///
/// It is asked for every generation, and its lines are written from the moment in which that serves: a reload can change them, and
/// where nobody answers any more the chassis writes again. Whoever panics is left out until the next reload. It is still called after
/// its instance has stopped: with what the chassis says at the very end.
///
/// ```
/// use chassis::{LogLines, LogSettings, prelude::*};
///
/// /// Writes the log in short.
/// #[plugin(stage = "bootstrap")]
/// async fn short(cx: &mut PluginContext) -> Result<()> {
///     cx.provide(&points::TELEMETRY_LINES, async |log: &LogSettings| {
///         let levels = format!("{},hyper=warn", log.filter);
///         LogLines::new(|line| eprintln!("{} {}", line.level, line.message)).filter(&levels)
///     });
///     Ok(())
/// }
/// ```
#[extension_point(crate = crate)]
pub static TELEMETRY_LINES: ProviderPoint<LogLines, LogSettings> =
    ProviderPoint::new("telemetry.lines");

/// Who brings metrics elsewhere: to a collector that is pushed to. Each handler is handed all metrics of the service as values every
/// `metrics.interval`, and once more when it stops, after the last request and the last event.
///
/// It runs in the background, with a deadline of 5 s, and only one round at a time. What fails is logged and counted, and not
/// tried again: the next snapshot has it all.
///
/// ```
/// use chassis::{MetricValue, MetricsSnapshot, prelude::*};
/// use std::net::UdpSocket;
///
/// /// Tells a StatsD server of all gauges and counters.
/// #[plugin]
/// async fn statsd(cx: &mut PluginContext) -> Result<()> {
///     cx.provide(&points::METRICS_EXPORT, async |all: &MetricsSnapshot| -> Result<()> {
///         let socket = UdpSocket::bind("127.0.0.1:0")?;
///         for family in &all.families {
///             for series in &family.series {
///                 if let MetricValue::Number(value) = series.value {
///                     let line = format!("{}:{value}|g", family.name);
///                     socket.send_to(line.as_bytes(), "127.0.0.1:8125")?;
///                 }
///             }
///         }
///         Ok(())
///     });
///     Ok(())
/// }
/// ```
#[extension_point(crate = crate)]
pub static METRICS_EXPORT: ProviderPoint<(), MetricsSnapshot> =
    ProviderPoint::new("metrics.export").json();

/// For which service, and which profile, configuration is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ConfigQuestion {
    /// `service.name`.
    pub service: String,
    /// The profile, if there is one.
    pub profile: Option<String>,
}

impl ConfigQuestion {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            service: config.settings().service.name.clone(),
            profile: config.profile().map(ToOwned::to_owned),
        }
    }
}

/// Each instance that is about to be built. A handler may deny it; a handler that fails denies it too. Only plugins
/// of the stage `bootstrap` are there in time to be asked.
#[extension_point(crate = crate)]
pub static ADMIT: FilterPoint<Candidate, Denied, Sealed> = FilterPoint::new("plugin.admit");

/// An instance that may be built, or not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// The name of the instance.
    pub name: Arc<str>,
    /// The plugin it is an instance of.
    pub info: Arc<PluginInfo>,
    /// How many instances were admitted before it.
    pub admitted: usize,
}

/// Why an instance may not be built, a service not be registered, a caller not do what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied(pub String);

/// A moment in the life of a plugin.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct PluginMoment {
    /// The name of the instance.
    pub plugin: String,
    /// The version of its plugin.
    pub version: String,
    /// The generation that it is part of.
    pub generation: u64,
    /// The state it is in.
    pub state: String,
    /// The error, if there is one.
    pub error: Option<String>,
}

impl PluginMoment {
    pub(crate) fn new(
        info: &PluginInfo,
        plugin: &str,
        generation: u64,
        state: PluginState,
    ) -> Self {
        Self {
            plugin: plugin.to_owned(),
            version: info.version.to_string(),
            generation,
            state: state.to_string(),
            error: None,
        }
    }
}

/// An instance was built.
#[extension_point(crate = crate)]
pub static PLUGIN_LOADED: ActionPoint<PluginMoment> = ActionPoint::new("plugin.loaded").json();

/// An instance is about to start.
#[extension_point(crate = crate)]
pub static PLUGIN_STARTING: ActionPoint<PluginMoment> = ActionPoint::new("plugin.starting").json();

/// An instance has started.
#[extension_point(crate = crate)]
pub static PLUGIN_STARTED: ActionPoint<PluginMoment> = ActionPoint::new("plugin.started").json();

/// An instance is about to stop.
#[extension_point(crate = crate)]
pub static PLUGIN_STOPPING: ActionPoint<PluginMoment> = ActionPoint::new("plugin.stopping").json();

/// An instance has stopped. Instances that stopped before it are not told.
#[extension_point(crate = crate)]
pub static PLUGIN_STOPPED: ActionPoint<PluginMoment> = ActionPoint::new("plugin.stopped").json();

/// An instance was built anew by a reload, and serves in place of the one before it.
#[extension_point(crate = crate)]
pub static PLUGIN_RELOADED: ActionPoint<PluginMoment> = ActionPoint::new("plugin.reloaded").json();

/// The `init`, `start` or `stop` of an instance failed.
#[extension_point(crate = crate)]
pub static PLUGIN_FAILED: ActionPoint<PluginMoment> = ActionPoint::new("plugin.failed").json();

/// A moment in the life of the chassis.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ChassisMoment {
    /// The name of the service.
    pub service: String,
    /// The generation that serves.
    pub generation: u64,
}

impl ChassisMoment {
    pub(crate) fn new(service: &str, generation: u64) -> Self {
        Self {
            service: service.to_owned(),
            generation,
        }
    }
}

/// The service is up: every plugin has started, and requests are served.
#[extension_point(crate = crate)]
pub static CHASSIS_STARTED: ActionPoint<ChassisMoment> = ActionPoint::new("chassis.started").json();

/// The service is about to stop: requests are drained, no plugin has stopped yet.
#[extension_point(crate = crate)]
pub static CHASSIS_STOPPING: ActionPoint<ChassisMoment> =
    ActionPoint::new("chassis.stopping").json();

/// Each service that is about to be registered, the service itself too. A handler may change its entry, or deny it; one
/// that fails denies it too. What an entry is known by (its id and its owner) stays.
#[extension_point(crate = crate)]
pub static SERVICE_PRE_REGISTER: FilterPoint<ServiceEntry, Denied> =
    FilterPoint::new("service.pre_register").json();

/// A service was registered, or registered anew. Instances that come later find it in
/// [`Services::list`](crate::Services::list). Changes of one entry wait for each other: a handler that changes the entry that
/// it is told of waits for itself, until its deadline.
#[extension_point(crate = crate)]
pub static SERVICE_POST_REGISTER: ActionPoint<ServiceEntry> =
    ActionPoint::new("service.post_register").json();

/// A service is about to be deregistered: the service itself as the first thing of its shutdown.
#[extension_point(crate = crate)]
pub static SERVICE_PRE_UNREGISTER: ActionPoint<ServiceEntry> =
    ActionPoint::new("service.pre_unregister").json();

/// Who knows of services elsewhere: asked by [`Services::discover`](crate::Services::discover), beside what is registered
/// here.
#[extension_point(crate = crate)]
pub static SERVICE_DISCOVER: ProviderPoint<Vec<ServiceEntry>, ServiceQuestion> =
    ProviderPoint::new("service.discover").json();

/// A point whose contributions the chassis itself makes use of when it builds a generation.
#[derive(Debug)]
pub struct OwnPoint {
    pub(crate) name: &'static str,
    kind: PointKind,
    payload: &'static str,
    answer: &'static str,
}

impl DeclaredPoint for OwnPoint {
    fn info(&self) -> PointInfo {
        PointInfo {
            name: self.name.into(),
            kind: self.kind,
            description: String::new(),
            payload: self.payload,
            answer: self.answer,
            schema: None,
            on_failure: "closed",
            sealed: false,
            origin: "".into(),
        }
    }

    fn index(&self) -> Option<&Index> {
        None
    }

    fn assemble(&self, _: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(()))
    }
}

/// The linked points, sorted by name, each told where it stands in the table of every generation.
pub(crate) fn linked() -> Result<Vec<(Arc<PointInfo>, &'static LinkedPoint)>> {
    let mut points: Vec<(Arc<PointInfo>, &LinkedPoint)> = POINTS
        .iter()
        .map(|linked| (Arc::new(info(linked)), linked))
        .collect();
    points.sort_by(|(one, _), (other, _)| {
        (&one.name, &one.origin).cmp(&(&other.name, &other.origin))
    });
    let twice = points
        .array_windows::<2>()
        .filter(|[(one, _), (other, _)]| one.name == other.name);
    let errors: Vec<Error> = twice
        .map(|[(one, _), (other, _)]| declared_twice(one, other))
        .collect();
    Error::all(errors).map_or(Ok(()), Err)?;
    for (index, (_, linked)) in points.iter().enumerate() {
        if let Some(place) = linked.point.index() {
            place.set(index);
        }
    }
    Ok(points)
}

fn info(linked: &LinkedPoint) -> PointInfo {
    PointInfo {
        description: linked.description.to_owned(),
        origin: format!("crate {} ({}:{})", linked.krate, linked.file, linked.line).into(),
        ..linked.point.info()
    }
}

pub(crate) fn declared_twice(one: &PointInfo, other: &PointInfo) -> Error {
    let show = |point: &PointInfo| {
        format!(
            "{} as {:?} of `{}`",
            point.origin, point.kind, point.payload
        )
    };
    let message = format!(
        "the point `{}` is declared twice: {}, and {}",
        one.name,
        show(one),
        show(other)
    );
    Error::new(code::DUPLICATE, message).with_help("give one of them another name")
}
