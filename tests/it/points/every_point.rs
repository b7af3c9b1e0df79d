//! Every point that the chassis declares fires: one row for each, with what is seen from outside when a plugin has put
//! something there, and when it has not.
//!
//! A row starts its service twice, and both times looks in the same way: what differs can only come from the contribution.

use crate::{
    client,
    command_line::{VICTIM, run, with},
    events::hub::Hub,
    made::{Log, early, plugin},
    shutdown::Victim,
};
use chassis::{
    Access, ActionPoint, AuthQuestion, Authentication, ConfigLayer, MetricSample, MetricsSnapshot,
    Service, ServiceEntry, ServiceQuestion,
    points::{Candidate, ChassisMoment, ConfigQuestion, Denied, PluginMoment},
    prelude::*,
    testing::{TestBuilder, TestChassis},
};
use std::{
    collections::BTreeSet, fmt::Write as _, future::Future, panic::AssertUnwindSafe,
    process::Stdio, time::Duration,
};
use tokio::process::Command;

mod others;

use others::{authenticate, authorize, exported, layers, lines, page};

/// A point, and what a contribution to it changes.
struct Row {
    point: &'static str,
    /// What is seen without.
    without: &'static str,
    /// What is seen with it.
    with: &'static str,
    /// Starts a service and looks.
    see: fn(Put) -> String,
}

/// Whether a row's plugin contributes.
#[derive(Clone, Copy)]
struct Put(bool);

const fn row(
    point: &'static str,
    without: &'static str,
    with: &'static str,
    see: fn(Put) -> String,
) -> Row {
    Row {
        point,
        without,
        with,
        see,
    }
}

/// A point that is declared and has no row fails the test: add one here, and a function below that looks.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("middleware.pre_request", "200", "403", pre_request),
    row("middleware.post_response", "no header", "stamped", post_response),
    row("middleware.around", "200", "418", around),
    row("http.layers", "200", "202", layer),
    row("http.routes", "404", "200", route),

    row("auth.authenticate", "503", "200", authenticate),
    row("auth.authorize", "200", "403", authorize),
    row("management.routes", "404", "200", page),

    row("events.deliver", "", "order.placed", event),
    row("events.transport", "0 have left", "1 have left", transport),

    row("config.load", "greets", "is called so by a source", config),
    row("plugin.admit", "running", "failed", admit),
    row("health.check", "up", "degraded", health),
    row("metrics.collect", "no metric", "stock 7", metrics),
    row("metrics.export", "", "chassis_generation", exported),
    row("telemetry.lines", "INFO logger: levels told", "OWN INFO", lines),
    row("telemetry.layers", "nothing of a layer", "a layer of `broken`", layers),
    row("cli.commands", "exit code 64", "exit code 0", command),

    row("plugin.loaded", "", "greeter initialized", |put| moment(put, &points::PLUGIN_LOADED, Until::Start)),
    row("plugin.starting", "", "greeter starting", |put| moment(put, &points::PLUGIN_STARTING, Until::Start)),
    row("plugin.started", "", "greeter running", |put| moment(put, &points::PLUGIN_STARTED, Until::Start)),
    row("plugin.failed", "", "broken failed", |put| moment(put, &points::PLUGIN_FAILED, Until::Start)),
    row("plugin.reloaded", "", "greeter running", |put| moment(put, &points::PLUGIN_RELOADED, Until::Reload)),
    row("plugin.stopping", "", "greeter running", |put| moment(put, &points::PLUGIN_STOPPING, Until::Reload)),
    row("plugin.stopped", "", "greeter stopped", |put| moment(put, &points::PLUGIN_STOPPED, Until::Reload)),
    row("chassis.started", "", "greets", |put| end(put, &points::CHASSIS_STARTED)),
    row("chassis.stopping", "", "greets", |put| end(put, &points::CHASSIS_STOPPING)),

    row("service.pre_register", "[]", r#"["stamped"]"#, pre_register),
    row("service.post_register", "", "greets", |put| entry(put, &points::SERVICE_POST_REGISTER)),
    row("service.pre_unregister", "", "greets", |put| entry(put, &points::SERVICE_PRE_UNREGISTER)),
    row("service.discover", "0 found", "1 found", discover),
];

#[test]
fn every_point_of_the_chassis_has_a_row() {
    let declared = in_virtual_time(async {
        let app = TestChassis::builder().start().await.unwrap();
        let points = app.handle().extension_points().unwrap();
        let ours = points
            .into_iter()
            .filter(|point| point.info.origin.starts_with("crate chassis "));
        ours.map(|point| point.info.name.to_string())
            .collect::<BTreeSet<String>>()
    });
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.point.to_owned()).collect();
    let without: Vec<_> = declared.difference(&rows).collect();
    let unknown: Vec<_> = rows.difference(&declared).collect();
    assert!(without.is_empty(), "points without a row: {without:?}");
    assert!(unknown.is_empty(), "rows without a point: {unknown:?}");
}

#[test]
fn every_point_fires() {
    let mut wrong = String::new();
    for row in ROWS {
        for (put, expected) in [(Put(false), row.without), (Put(true), row.with)] {
            let seen = std::panic::catch_unwind(AssertUnwindSafe(|| (row.see)(put)));
            let seen = seen.unwrap_or_else(|_| "a panic".to_owned());
            if seen != expected {
                let put = if put.0 { "with" } else { "without" };
                let point = row.point;
                _ = writeln!(wrong, "{point} {put}: `{seen}`, not `{expected}`");
            }
        }
        assert_ne!(row.without, row.with, "{}", row.point);
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn in_real_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// A service that greets, and a plugin beside that contributes what it is told to, or nothing.
fn service(
    put: Put,
    contribute: impl Fn(&mut PluginContext) + Send + Sync + 'static,
) -> TestBuilder {
    TestChassis::builder()
        .set("service.name", "greets")
        .register(greeter())
        .register(plugin("guest", move |cx| {
            if put.0 {
                contribute(cx);
            }
        }))
}

/// The same, of a plugin that is there before the others.
fn early_service(
    put: Put,
    contribute: impl Fn(&mut PluginContext) + Send + Sync + 'static,
) -> TestBuilder {
    TestChassis::builder()
        .config("service: {name: greets}")
        .register(greeter())
        .register(early("guest", move |cx| {
            if put.0 {
                contribute(cx);
            }
        }))
}

fn greeter() -> chassis::Registration {
    plugin("greeter", |cx| _ = cx.get("/hello", async || "hello"))
}

/// What such a service answers to `GET path`.
fn status(path: &'static str, service: TestBuilder) -> String {
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        app.get(path).await.status().as_u16().to_string()
    })
}

fn pre_request(put: Put) -> String {
    let service = service(put, |cx| {
        cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {
            Flow::Answer(StatusCode::FORBIDDEN.into_response())
        });
    });
    status("/hello", service)
}

fn post_response(put: Put) -> String {
    let service = service(put, |cx| {
        cx.filter(&points::POST_RESPONSE, |exchange: &mut Exchange| {
            let stamp = HeaderValue::from_static("stamped");
            exchange.response_headers_mut().insert("x-stamp", stamp);
        });
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        let answer = app.get("/hello").await;
        let stamp = answer.headers().get("x-stamp");
        let stamp = stamp.map_or("no header", |stamp| stamp.to_str().unwrap());
        stamp.to_owned()
    })
}

fn around(put: Put) -> String {
    let service = service(put, |cx| {
        cx.around(async |request: Request, next: Next<'_>| {
            let mut response = next.run(request).await;
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        });
    });
    status("/hello", service)
}

fn layer(put: Put) -> String {
    let service = service(put, |cx| {
        cx.layer(tower::util::MapResponseLayer::new(
            |mut response: Response| {
                *response.status_mut() = StatusCode::ACCEPTED;
                response
            },
        ));
    });
    status("/hello", service)
}

fn route(put: Put) -> String {
    let service = service(put, |cx| _ = cx.get("/more", async || "more"));
    status("/more", service)
}

fn event(put: Put) -> String {
    let log = Log::new();
    let to = log.clone();
    let service = service(put, move |cx| {
        let to = to.clone();
        cx.on("order.*", async move |message: Message| {
            to.note(message.topic());
        });
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        let events = app.handle().events().unwrap();
        events.publish_as("order.placed", 1).unwrap();
        app.stop().await;
    });
    log.lines().join(", ")
}

fn transport(put: Put) -> String {
    let hub = Hub::new();
    let ends = Arc::clone(&hub);
    let mut service = service(put, move |cx| _ = cx.event_transport(ends.end()));
    if put.0 {
        service = service.set("events.transport", "guest");
    }
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        let events = app.handle().events().unwrap();
        events.publish_as("order.placed", 1).unwrap();
        app.stop().await;
    });
    format!("{} have left", hub.published().len())
}

fn config(put: Put) -> String {
    let service = early_service(put, |cx| {
        cx.provide(&points::CONFIG_LOAD, async |_: &ConfigQuestion| {
            let layer = ConfigLayer::new();
            Ok::<_, Error>(layer.text("service.name", "is called so by a source", "here"))
        });
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        app.handle().info().unwrap().name
    })
}

fn admit(put: Put) -> String {
    let service = early_service(put, |cx| {
        cx.filter(
            &points::ADMIT,
            |candidate: &mut Candidate| match &*candidate.name {
                "greeter" => Flow::Answer(Denied("it greets".to_owned())),
                _ => Flow::Continue,
            },
        );
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        app.state("greeter").to_string()
    })
}

fn health(put: Put) -> String {
    let service = service(put, |cx| {
        _ = cx.health("database", async || Health::down("gone"));
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        app.handle().health().unwrap().state.to_string()
    })
}

fn metrics(put: Put) -> String {
    let service = service(put, |cx| {
        cx.metrics(async || vec![MetricSample::gauge("stock", 7.0)]);
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let page = app.metrics();
        let line = page.lines().find(|line| line.starts_with("stock{"));
        line.map_or("no metric".to_owned(), |line| {
            format!("stock {}", line.rsplit(' ').next().unwrap())
        })
    })
}

fn command(Put(is_put): Put) -> String {
    let directory = with(&format!("plugins: {{sums: {{enabled: {is_put}}}}}"));
    let said = run(VICTIM, directory.path(), &["sum", "1", "2"]);
    format!("exit code {}", said.code.unwrap())
}

/// How far a service goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Start,
    Reload,
}

/// What a plugin is told of others at one of the points of moments.
fn moment(put: Put, point: &'static ActionPoint<PluginMoment>, until: Until) -> String {
    let log = Log::new();
    let to = log.clone();
    let service = service(put, move |cx| {
        let to = to.clone();
        cx.action(point, async move |moment: &PluginMoment| {
            if moment.plugin != "guest" {
                to.note(format!("{} {}", moment.plugin, moment.state));
            }
        });
    });
    let service = service.register(plugin("broken", |_| panic!("it is broken")));
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        if until == Until::Reload {
            app.reload_all().await.unwrap();
        }
        log.lines().join(", ")
    })
}

/// What a plugin is told of the chassis, until it has stopped.
fn end(put: Put, point: &'static ActionPoint<ChassisMoment>) -> String {
    let log = Log::new();
    let to = log.clone();
    let service = service(put, move |cx| {
        let to = to.clone();
        cx.action(point, async move |moment: &ChassisMoment| {
            to.note(&moment.service);
        });
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        app.stop().await;
    });
    log.lines().join(", ")
}

/// What a plugin is told of the service's entry in the registry, until it has stopped.
fn entry(put: Put, point: &'static ActionPoint<ServiceEntry>) -> String {
    let log = Log::new();
    let to = log.clone();
    let service = service(put, move |cx| {
        let to = to.clone();
        cx.action(point, async move |entry: &ServiceEntry| {
            to.note(&entry.name);
        });
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        app.stop().await;
    });
    log.lines().join(", ")
}

fn pre_register(put: Put) -> String {
    let service = service(put, |cx| {
        cx.filter(&points::SERVICE_PRE_REGISTER, |entry: &mut ServiceEntry| {
            entry.tags.push("stamped".to_owned());
        });
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        format!("{:?}", app.handle().services().list().unwrap()[0].tags)
    })
}

fn discover(put: Put) -> String {
    let service = service(put, |cx| {
        cx.provide(&points::SERVICE_DISCOVER, async |_: &ServiceQuestion| {
            let elsewhere: ServiceEntry = Service::new("elsewhere", "10.0.0.9", 80).into();
            Ok::<_, Error>(vec![elsewhere])
        });
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        let found = app.handle().services().discover("elsewhere").await.unwrap();
        format!("{} found", found.entries.len())
    })
}
