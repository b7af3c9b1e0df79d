//! How plugins take part, and the settings of those that are shipped.

use super::{Setting, in_virtual_time};
use crate::{made::plugin, scripted::scripted};
use chassis::{
    Body, Exchange, PluginState, Registration, points,
    testing::{TestBuilder, TestChassis},
};
use chassis_greeter::Greeter;
use chassis_request_tracing::RequestTracing;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::Instant;
use tracing::Subscriber;
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
};

fn greeter(setting: Setting) -> TestBuilder {
    TestChassis::with::<Greeter>().config(setting.yaml())
}

pub(super) fn greets(setting: Setting) -> String {
    in_virtual_time(async {
        let app = greeter(setting).start().await.expect("the service starts");
        app.get("/hello/Ada").await.status().as_u16().to_string()
    })
}

pub(super) fn greeting(setting: Setting) -> String {
    in_virtual_time(async {
        let app = greeter(setting).start().await.expect("the service starts");
        app.get("/hello/Ada").await.text().to_owned()
    })
}

/// What becomes of a service whose greeter is not let in.
pub(super) fn denied(setting: Setting) -> String {
    in_virtual_time(async {
        let full = greeter(setting)
            .register(scripted("before", &[]))
            .set("admission.max_plugins", 1);
        match full.start().await {
            Ok(app) => {
                assert_eq!(app.state("greeter"), PluginState::Failed);
                assert_eq!(app.get("/before").await.text(), "before");
                "serves without it".to_owned()
            }
            Err(error) => error.code().to_string(),
        }
    })
}

pub(super) fn further_instance(setting: Setting) -> String {
    in_virtual_time(async {
        // Both would answer the same requests.
        let second = greeter(setting)
            .set("plugins.greeter.enabled", false)
            .set("plugins.second.config.greeting", "Ahoy");
        match second.start().await {
            Ok(app) => app.get("/hello/Ada").await.text().to_owned(),
            Err(error) => error.code().to_string(),
        }
    })
}

/// Where the tracing of requests stands, seen from a plugin that says nothing of where it stands itself.
pub(super) fn order(setting: Setting) -> String {
    in_virtual_time(async {
        let other = plugin("other", |cx| {
            cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
                let has_id = exchange.headers().contains_key("x-correlation-id");
                exchange.extensions_mut().insert(has_id);
            });
            cx.filter(&points::POST_RESPONSE, |exchange: &mut Exchange| {
                let is_traced = exchange.extensions_mut().get::<bool>() == Some(&true);
                let is_timed = exchange
                    .response_headers_mut()
                    .contains_key("x-processing-time");
                let seen = match (is_traced, is_timed) {
                    (false, true) => "inside, in and out",
                    (true, false) => "outside, in and out",
                    (true, true) => "outside on the way in only",
                    (false, false) => "outside on the way out only",
                };
                let seen = seen.parse().expect("it is a header");
                exchange.response_headers_mut().insert("x-seen", seen);
            });
        });
        let builder = TestChassis::with::<RequestTracing>().register(other);
        let app = builder
            .config(setting.yaml())
            .start()
            .await
            .expect("the service starts");
        let answer = app.get("/").await;
        answer.header("x-seen").unwrap_or("nothing").to_owned()
    })
}

/// The headers that the tracing of requests adds.
pub(super) fn headers(setting: Setting) -> String {
    in_virtual_time(async {
        let builder = TestChassis::with::<RequestTracing>().config(setting.yaml());
        let app = builder.start().await.expect("the service starts");
        let answer = app.get("/").await;
        let names = answer.headers().keys().map(|name| name.as_str());
        let added = names.filter(|name| name.starts_with("x-") && *name != "x-request-id");
        let mut added: Vec<&str> = added.collect();
        added.sort_unstable();
        added.join(", ")
    })
}

/// Counts the lines of the access log.
#[derive(Clone, Default)]
struct AccessLog(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for AccessLog {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "chassis_request_tracing" {
            self.0.fetch_add(1, SeqCst);
        }
    }
}

/// How many of a hundred requests are logged.
pub(super) fn logged(setting: Setting) -> String {
    let log = AccessLog::default();
    let of = |log: AccessLog| tracing_subscriber::registry().with(log);
    // As long as there is but one, `tracing` asks whoever logs first whether anybody listens, and that may be another test.
    let _other = tracing::Dispatch::new(of(AccessLog::default()));
    let _keeping = tracing::subscriber::set_default(of(log.clone()));
    in_virtual_time(async {
        let builder = TestChassis::with::<RequestTracing>().config(setting.yaml());
        let app = builder.start().await.expect("the service starts");
        for number in 0..100 {
            let request = http::Request::get("/").header("X-Correlation-ID", number);
            app.send(request.body(Body::empty()).expect("it is one"))
                .await;
        }
    });
    log.0.load(SeqCst).to_string()
}

/// What becomes of a call that has no end.
pub(super) fn endless_call(setting: Setting) -> String {
    endless(
        setting,
        plugin("greeter", |cx| {
            cx.get("/endless", async || std::future::pending::<()>().await);
        }),
    )
}

/// What becomes of a hook that has no end.
pub(super) fn endless_hook(setting: Setting) -> String {
    endless(
        setting,
        plugin("greeter", |cx| {
            cx.filter_async(&points::PRE_REQUEST, async |_: &mut Exchange| {
                std::future::pending::<()>().await;
            });
        }),
    )
}

fn endless(setting: Setting, greeter: Registration) -> String {
    in_virtual_time(async {
        let builder = TestChassis::builder().register(greeter);
        let app = builder
            .config(setting.yaml())
            .start()
            .await
            .expect("the service starts");
        let since = Instant::now();
        let status = app.get("/endless").await.status();
        format!("{} after {}s", status.as_u16(), since.elapsed().as_secs())
    })
}

/// Two calls at once.
pub(super) fn two_calls(setting: Setting) -> String {
    in_virtual_time(async {
        let slow = plugin("greeter", |cx| {
            cx.get("/slow", async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
            });
        });
        let builder = TestChassis::builder().register(slow);
        let app = builder
            .config(setting.yaml())
            .start()
            .await
            .expect("the service starts");
        let (one, other) = futures::join!(app.get("/slow"), app.get("/slow"));
        format!("{}, {}", one.status().as_u16(), other.status().as_u16())
    })
}

/// The words that it is found by.
pub(super) fn tags(setting: Setting) -> String {
    in_virtual_time(async {
        let app = greeter(setting).start().await.expect("the service starts");
        let report = app.handle().plugin("greeter").expect("it is known");
        match report.tags[..] {
            [] => "none".to_owned(),
            _ => report.tags.join(", "),
        }
    })
}
