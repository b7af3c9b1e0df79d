//! What needs no connection: requests, the life of plugins, reloads.

use super::{Setting, in_virtual_time};
use crate::{
    made::plugin,
    scripted::{Quiet, info, scripted},
};
use chassis::{
    Body, ClientAddr, Json, PluginState, Registration, Service, ServiceEntry,
    testing::{TestBuilder, TestChassis},
};
use chassis_timeout::Timeout;
use http::Request;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::Instant;

fn service(setting: Setting) -> TestBuilder {
    TestChassis::builder().config(setting.yaml())
}

async fn started(setting: Setting, plugin: Registration) -> TestChassis {
    let app = service(setting).register(plugin).start().await;
    app.expect("the service starts")
}

pub(super) fn document(setting: Setting) -> String {
    in_virtual_time(async {
        let builder = TestChassis::builder().config(setting.yaml());
        let app = builder.start().await.expect("the service starts");
        app.get("/openapi.json").await.status().as_u16().to_string()
    })
}

pub(super) fn large_body(setting: Setting) -> String {
    in_virtual_time(async {
        let echo = plugin("echo", |cx| {
            cx.post("/echo", async |Json(text): Json<String>| text);
        });
        let app = started(setting, echo).await;
        let answer = app.post("/echo", &"x".repeat(2 << 10)).await;
        format!("2 KiB: {}", answer.status().as_u16())
    })
}

pub(super) fn slow_request(setting: Setting) -> String {
    slow(service(setting))
}

pub(super) fn slow_request_by_route(setting: Setting) -> String {
    slow(service(setting).plugin::<Timeout>())
}

fn slow(builder: TestBuilder) -> String {
    in_virtual_time(async {
        let slow = plugin("slow", |cx| {
            cx.get("/hang", async || std::future::pending::<()>().await);
        });
        let app = builder.register(slow).start().await;
        let app = app.expect("the service starts");
        let since = Instant::now();
        let status = app.get("/hang").await.status().as_u16();
        format!("{status} after {}s", since.elapsed().as_secs())
    })
}

pub(super) fn forwarded(setting: Setting) -> String {
    in_virtual_time(async {
        let who = plugin("who", |cx| {
            cx.get("/who", async |ClientAddr(address)| {
                format!("from {address}")
            });
        });
        let app = started(setting, who).await;
        let request = Request::get("/who").header("x-forwarded-for", "192.0.2.7");
        let request = request.body(Body::empty()).expect("it is a request");
        app.send(request).await.text().to_owned()
    })
}

pub(super) fn hanging_init(setting: Setting) -> String {
    hanging(setting, "init")
}

pub(super) fn hanging_start(setting: Setting) -> String {
    hanging(setting, "start")
}

pub(super) fn hanging_stop(setting: Setting) -> String {
    hanging(setting, "stop")
}

/// How long a step of a plugin's life takes that never ends, and what becomes of it.
fn hanging(setting: Setting, step: &str) -> String {
    in_virtual_time(async {
        let slow = match setting.path.starts_with("plugins.") {
            true => "greeter",
            false => "slow",
        };
        let builder = service(setting)
            .register(scripted(slow, &[]))
            .set(&format!("plugins.{slow}.config.{step}"), "hang");
        let mut since = Instant::now();
        let app = builder
            .start()
            .await
            .expect("the service starts without it");
        let has_failed = match step {
            "stop" => {
                since = Instant::now();
                !app.stop().await.is_empty()
            }
            _ => app.state(slow) == PluginState::Failed,
        };
        let outcome = if has_failed { "failed" } else { "done" };
        format!("{outcome} after {}s", since.elapsed().as_secs())
    })
}

pub(super) fn held_generation(setting: Setting) -> String {
    in_virtual_time(async {
        let app = started(setting, Registration::new::<Quiet>(info("quiet"))).await;
        // As a request does that has no end.
        let _held = app.handle().enter().expect("it serves");
        let since = Instant::now();
        let reloaded = app.reload_all().await.expect("it reloads");
        assert!(!reloaded.drained);
        format!("stopped after {}s", since.elapsed().as_secs())
    })
}

pub(super) fn collected(setting: Setting) -> String {
    in_virtual_time(async {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let collector = plugin("collector", move |cx| {
            let asked = Arc::clone(&count);
            cx.metrics(async move || {
                asked.fetch_add(1, SeqCst);
                Vec::new()
            });
        });
        let _app = started(setting, collector).await;
        tokio::time::sleep(Duration::from_secs(35)).await;
        format!("asked {} times in 35s", asked.load(SeqCst))
    })
}

pub(super) fn buckets(setting: Setting) -> String {
    in_virtual_time(async {
        let pages = plugin("pages", |cx| {
            cx.get("/", async || "hello");
            cx.histogram("took_seconds", "How long it took.")
                .record(0.5);
        });
        let app = started(setting, pages).await;
        app.get("/").await;
        let page = app.metrics();
        let count = |name: &str| page.lines().filter(|line| line.starts_with(name)).count();
        let of_plugin = count("took_seconds_bucket");
        assert_eq!(
            of_plugin,
            count("http_server_request_duration_seconds_bucket")
        );
        format!("{of_plugin} buckets")
    })
}

pub(super) fn two_plugins(setting: Setting) -> String {
    in_virtual_time(async {
        let builder = service(setting)
            .register(scripted("one", &[]))
            .register(scripted("two", &[]));
        let app = builder.start().await.expect("the service starts");
        let mut running = 0;
        for path in ["/one", "/two"] {
            running += usize::from(app.get(path).await.status() == 200);
        }
        format!("{running} run")
    })
}

pub(super) fn own_id(setting: Setting) -> String {
    own(setting).id
}

pub(super) fn own_address(setting: Setting) -> String {
    let own = own(setting);
    format!("{}:{}", own.address, own.port)
}

pub(super) fn own_tags(setting: Setting) -> String {
    own(setting).tags.join(", ")
}

pub(super) fn own_meta(setting: Setting) -> String {
    let pair = |(key, value)| format!("{key}={value}");
    own(setting).meta.into_iter().map(pair).collect()
}

/// What a service is registered as that is called `service`.
fn own(setting: Setting) -> ServiceEntry {
    in_virtual_time(async {
        let app = service(setting).set("service.name", "service");
        let app = app.start().await.expect("the service starts");
        let mut found = app.handle().services().find("service").expect("it serves");
        found.pop().expect("it is registered")
    })
}

pub(super) fn two_services(setting: Setting) -> String {
    in_virtual_time(async {
        let app = service(setting).start().await.expect("the service starts");
        let services = app.handle().services();
        _ = services
            .register(Service::new("other", "10.0.0.5", 1))
            .await;
        format!("{} registered", services.list().expect("it serves").len())
    })
}
