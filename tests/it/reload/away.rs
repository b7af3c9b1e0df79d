//! What is seen of a plugin that a reload has stopped first, and has not replaced yet.

use super::exclusive::{Service, held, keeper, web};
use crate::{
    client,
    made::{Log, again, plugin, plugin_requiring},
};
use chassis::{PluginState, code, prelude::*};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

#[tokio::test(start_paused = true)]
async fn requests_that_it_is_busy_with_are_finished_first() {
    let (open, gate) = watch::channel(false);
    let slow = plugin("slow", move |cx| {
        let gate = gate.clone();
        cx.get("/slow", async move || {
            _ = gate.clone().wait_for(|open| *open).await;
            "at last"
        });
    });
    let info = slow.info().clone().exclusive(["the slow one"]);
    let slow = again(&slow, info);
    let service = Service::start("{keeper: {config: {lock: i}}}", [slow]).await;
    let app = Arc::clone(&service.app);
    let request = tokio::spawn(async move { app.get("/slow").await.text().to_owned() });
    tokio::task::yield_now().await;
    let app = Arc::clone(&service.app);
    let reload = tokio::spawn(async move { app.handle().reload_plugin("slow").await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(
        service.state("slow"),
        PluginState::Suspended,
        "it waits for him"
    );
    assert_eq!(service.status("/slow").await, 503);
    open.send_replace(true);
    assert_eq!(request.await.unwrap(), "at last");
    assert!(reload.await.unwrap().unwrap().drained);
    assert_eq!(service.says("/slow").await, "at last");
}

#[tokio::test(start_paused = true)]
async fn nobody_slips_through_where_its_hook_is_missing() {
    let guard = || {
        plugin("guard", |cx| {
            cx.filter(
                &points::PRE_REQUEST,
                |exchange: &mut Exchange| match exchange.headers().contains_key("x-key") {
                    true => chassis::Flow::Continue,
                    false => chassis::Flow::Answer(StatusCode::FORBIDDEN.into_response()),
                },
            )
            .routes("/web");
        })
    };
    let guard = guard();
    let info = guard.info().clone().requires(["keeper"]);
    let guard = again(&guard, info);
    let open = plugin("open", |cx| {
        cx.get("/open", async || "open");
    });
    let service = Service::start("{keeper: {config: {lock: j}}}", [guard, web(), open]).await;
    assert_eq!(service.status("/web").await, 403);
    let reload = service
        .begin("{keeper: {config: {lock: j, slow: true}}}")
        .await;
    assert_eq!(service.status("/web").await, 503);
    assert_eq!(service.status("/open").await, 200);
    reload.await.unwrap().unwrap();
    assert_eq!(service.status("/web").await, 403);
}

#[tokio::test(start_paused = true)]
async fn events_wait_for_it() {
    let log = Log::new();
    let noted = log.clone();
    let reader = plugin_requiring("reader", &["keeper"], move |cx| {
        let noted = noted.clone();
        cx.on("order.placed", async move |order: Arc<u64>| {
            noted.note(order);
        });
    });
    let writer = plugin("writer", |cx| {
        let events = cx.background().events();
        cx.get("/write/{number}", async move |Path(number): Path<u64>| {
            events.publish_as("order.placed", number).map(|_| "written")
        });
    });
    let service = Service::start("{keeper: {config: {lock: k}}}", [reader, writer]).await;
    assert_eq!(service.status("/write/1").await, 200);
    log.until(1).await;
    let reload = service
        .begin("{keeper: {config: {lock: k, slow: true}}}")
        .await;
    for number in 2..5 {
        assert_eq!(service.status(&format!("/write/{number}")).await, 200);
    }
    assert_eq!(log.lines(), ["1"]);
    reload.await.unwrap().unwrap();
    assert_eq!(log.until(4).await, ["1", "2", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_can_stop_while_it_is_away() {
    let settings = serde_json::json!({"lock": "n", "slow": true});
    let builder = client::service([keeper("keeper"), web()]);
    let running = client::start(builder.set("plugins.keeper.config", settings)).await;
    let plugins = running.handle().plugins().unwrap();
    let keeper = plugins.iter().find(|one| &*one.name == "keeper").unwrap();
    assert!(keeper.holds.contains("n"));
    let handle = running.handle();
    let reload = tokio::spawn(async move { handle.reload_plugin("keeper").await });
    let address = running.service_address();
    client::soon("it is away", async {
        while client::Raw::connect(address)
            .await
            .get("/keeper")
            .await
            .status
            != 503
        {}
    })
    .await;
    assert!(running.stop().await.is_graceful());
    assert_eq!(reload.await.unwrap().unwrap_err().code(), code::CLOSED);
    assert!(!held().contains("n"));
}
