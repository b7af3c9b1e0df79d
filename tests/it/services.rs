//! The registry of services: who registers, who is told, who is found.

use crate::{
    client::{self, Raw, soon},
    made::{Log, plugin},
};
use chassis::{
    Registration, Running, Service, ServiceEntry, ServiceHealth, ServiceQuestion, code,
    points::Denied,
    prelude::*,
    testing::{TestBuilder, TestChassis},
};
use serde_json::Value;

// The service itself: when it comes, when it leaves, where it says that it is.
mod itself;
// What plugins register, and what becomes of it.
mod of_plugins;
// Who is found, and who is asked.
mod found;

/// A service called `orders`.
fn orders() -> TestBuilder {
    TestChassis::builder().config("service: {name: orders, version: 2.0.0}")
}

/// Writes down who comes and who goes.
fn witness(log: &Log) -> Registration {
    let log = log.clone();
    plugin("witness", move |cx| {
        let (came, went) = (log.clone(), log.clone());
        cx.action(
            &points::SERVICE_POST_REGISTER,
            async move |entry: &ServiceEntry| {
                came.note(format!("{} came {:?}", entry.name, entry.tags));
            },
        );
        cx.action(
            &points::SERVICE_PRE_UNREGISTER,
            async move |entry: &ServiceEntry| {
                went.note(format!("{} went", entry.name));
            },
        );
    })
}

/// Registers a service as soon as it may, and writes down what came of it.
fn registering(
    name: &str,
    log: &Log,
    service: impl Fn() -> Service + Send + Sync + 'static,
) -> Registration {
    let log = log.clone();
    plugin(name, move |cx| {
        let (background, log, service) = (cx.background().clone(), log.clone(), service());
        cx.background().spawn("register", async move {
            background.serving().await;
            let outcome = background.services().register(service).await;
            log.note(match outcome {
                Ok(entry) => format!("{} registered {}", background.name(), entry.id),
                Err(error) => format!("{}: {}", background.name(), error.code()),
            });
            Ok(())
        });
    })
}

fn names(app: &TestChassis) -> Vec<String> {
    let all = app.handle().services().list().unwrap();
    all.into_iter().map(|entry| entry.name).collect()
}

/// Asks a management endpoint.
async fn ask(running: &Running, path: &str) -> client::Answer {
    let management = running.management_address().unwrap();
    Raw::management(management).await.get(path).await
}
