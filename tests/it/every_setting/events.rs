//! Events that wait for those who subscribe, and those that nobody can take.

use super::{Setting, in_virtual_time};
use crate::{events::hub::Hub, made::plugin};
use chassis::{
    Error, Message,
    testing::{TestBuilder, TestChassis},
};
use serde_json::json;
use std::{future::pending, sync::Arc, time::Duration};

/// A service with a subscriber that takes one event, and never the next.
fn stuck(setting: Setting) -> TestBuilder {
    let stuck = plugin("greeter", |cx| {
        cx.on("a", async |_: Message| pending::<()>().await)
            .deadline(Duration::from_secs(1_000_000));
    });
    TestChassis::builder()
        .register(stuck)
        .config(setting.yaml())
}

/// Publishes so many events, after one that is taken; the errors.
async fn publish(app: &TestChassis, count: usize) -> Vec<Error> {
    let events = app.handle().events().expect("the service runs");
    _ = events.publish_as("a", json!(0));
    while app.handle().enter().is_ok_and(|_| depth(app) > 1) {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let all = (1..=count).filter_map(|number| events.publish_as("a", json!(number)).err());
    all.collect()
}

fn depth(app: &TestChassis) -> usize {
    let report = app.handle().events_report().expect("the service runs");
    report.subscribers["greeter"].depth
}

/// How many of 2,000 events wait.
pub(super) fn waiting(setting: Setting) -> String {
    in_virtual_time(async {
        let app = stuck(setting).start().await.expect("the service starts");
        publish(&app, 2_000).await;
        // One is in its hands.
        format!("{} wait", depth(&app) - 1)
    })
}

/// What becomes of the event after the last that may wait.
pub(super) fn one_too_many(setting: Setting) -> String {
    in_virtual_time(async {
        let app = stuck(setting).start().await.expect("the service starts");
        let errors = publish(&app, 1_025).await;
        match &errors[..] {
            [] => "one is dropped".to_owned(),
            [error] => error.code().to_string(),
            more => format!("{} errors", more.len()),
        }
    })
}

/// How many of 1,500 events are kept that could not be delivered.
pub(super) fn dead(setting: Setting) -> String {
    in_virtual_time(async {
        let broken = plugin("broken", |cx| {
            cx.on("a", async |_: Message| Err::<(), _>(Error::msg("no")));
        });
        let service = TestChassis::builder()
            .register(broken)
            .config(setting.yaml())
            .set("plugins.broken.limits.queue", 2_000);
        let app = service.start().await.expect("the service starts");
        let events = app.handle().events().expect("the service runs");
        for number in 0..1_500 {
            _ = events.publish_as("a", json!(number));
        }
        let handle = app.handle().clone();
        let failed = || {
            handle
                .events_report()
                .map(|report| report.subscribers["broken"].failed)
        };
        while failed().expect("the service runs") < 1_500 {
            tokio::task::yield_now().await;
        }
        format!(
            "{} are kept",
            handle.dead_letters().expect("the service runs").len()
        )
    })
}

/// How many events a transport has carried, of one that was published.
pub(super) fn carried(setting: Setting) -> String {
    in_virtual_time(async {
        let hub = Hub::new();
        let ends = Arc::clone(&hub);
        let broker = plugin("broker", move |cx| _ = cx.event_transport(ends.end()));
        let service = TestChassis::builder()
            .register(broker)
            .config(setting.yaml());
        let app = service.start().await.expect("the service starts");
        let events = app.handle().events().expect("the service runs");
        _ = events.publish_as("a", json!(0));
        app.stop().await;
        format!("{} have travelled", hub.published().len())
    })
}
