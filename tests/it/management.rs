//! The management endpoints, asked over real HTTP.

use crate::{
    client::{self, soon},
    scripted::scripted,
};
use chassis::{ChassisBuilder, Running, prelude::*};
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

mod views;
mod openapi;
mod plugins;
mod guard;
mod credentials;
mod pages;
mod reload;
pub(crate) mod ask;

/// Stamps answers, twice.
#[plugin(requires = ["pool"], after = ["audit"], tags = ["paint"])]
async fn stamp(cx: &mut PluginContext) -> Result<()> {
    cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {})
        .priority(7);
    cx.get("/stamped", async || "stamped");
    Ok(())
}

static BUILT: AtomicUsize = AtomicUsize::new(0);

/// Tells which of its instances answers.
#[plugin]
async fn numbered(cx: &mut PluginContext) -> Result<()> {
    let number = BUILT.fetch_add(1, SeqCst);
    cx.get("/number", async move || number.to_string());
    Ok(())
}

fn service() -> ChassisBuilder {
    client::service([]).service("shop", "3.2.1")
}

/// A service with something of everything.
async fn shop() -> (Running, SocketAddr) {
    let builder = service()
        .plugin::<stamp>()
        .plugin::<numbered>()
        .register(scripted("pool", &[]))
        .register(scripted("audit", &[]))
        .register(scripted("broken", &[]))
        .register(scripted("orders", &["broken"]))
        .register(scripted("web", &["orders", "pool ^1"]))
        .register(scripted("idle", &[]))
        .set("plugins.broken.config.init", "fail")
        .set("plugins.idle.enabled", false)
        .set("health.groups.storage", serde_json::json!(["pool"]));
    start(builder).await
}

async fn start(builder: ChassisBuilder) -> (Running, SocketAddr) {
    let running = soon("the start", builder.start()).await.expect("it starts");
    let management = running
        .management_address()
        .expect("there are management endpoints");
    (running, management)
}

async fn stop(running: Running) {
    let stopped = soon("the stop", running.stop()).await;
    assert!(stopped.is_graceful(), "{stopped:?}");
}
