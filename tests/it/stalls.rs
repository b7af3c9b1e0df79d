//! Plugins that block a thread: nothing can cut them off, so they are found, and named, while management answers.

use crate::{
    client::{self, Raw, soon},
    made::plugin,
    shutdown::{Victim, command},
};
use chassis::{Registration, Running, prelude::*};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Condvar, Mutex},
};
use tokio::runtime::{Builder, Runtime};

/// Keeps threads, without awaiting, until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn wait(&self) {
        let (is_open, opened) = &*self.0;
        let is_open = is_open.lock().unwrap();
        drop(opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// Opens it, also when the test fails: the runtime would wait for its threads.
struct Opens(Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Nobody waits for them at the end of a test.
struct Workers(Option<Runtime>);

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(workers) = self.0.take() {
            workers.shutdown_background();
        }
    }
}

/// A service on workers of its own: what they do for its clients waits, too, while one is blocked.
async fn start<const N: usize>(plugins: [Registration; N]) -> (Workers, Running) {
    let workers = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let starting = workers.spawn(client::service(plugins).start());
    let running = soon("the start", starting).await.unwrap().unwrap();
    (Workers(Some(workers)), running)
}

async fn stop(workers: &Workers, running: Running) {
    let workers = workers.0.as_ref().unwrap();
    let stopped = soon("the end", workers.spawn(running.stop())).await;
    assert!(stopped.unwrap().is_graceful());
}

async fn get(running: &Running, path: &str) -> client::Answer {
    let management = running.management_address().unwrap();
    Raw::connect(management).await.get(path).await
}

/// Asks management again and again until a plugin is as it should be.
async fn until(running: &Running, plugin: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/plugins/{plugin}");
    let found = async {
        loop {
            let report = get(running, &path).await.json();
            if is_so(&report) {
                return report;
            }
        }
    };
    soon("what management tells", found).await
}

fn stalls(report: &Value) -> usize {
    report["stalls"].as_array().unwrap().len()
}

async fn send(address: SocketAddr, path: &str) -> Raw {
    let mut raw = Raw::connect(address).await;
    raw.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
        .await;
    raw
}

#[tokio::test]
async fn who_blocks_a_thread_is_named_until_it_ends() {
    let gate = Gate::default();
    let _opens = Opens(gate.clone());
    let in_handler = gate.clone();
    let stuck = plugin("stuck", move |cx| {
        let gate = in_handler.clone();
        cx.get("/stuck", async move || {
            gate.wait();
            "free"
        });
        cx.get("/fine", async || "fine");
    });
    let (workers, running) = start([stuck]).await;
    let management = running.management_address().unwrap();
    let mut stream = Raw::connect(management).await;
    stream
        .send("GET /events/stream?topic=plugin.** HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    stream.until("text/event-stream").await.unwrap();
    let fine = get(&running, "/plugins/stuck").await.json();
    assert_eq!((stalls(&fine), &fine["state"]), (0, &json!("running")));
    let page = get(&running, "/metrics").await;
    assert!(!page.text().contains("chassis_stalled_threads{"));

    let mut asked = send(running.service_address(), "/stuck").await;
    let report = until(&running, "stuck", |report| stalls(report) == 1).await;
    let stall = &report["stalls"][0];
    assert_eq!(stall["point"], "GET /stuck");
    let thread = stall["thread"].as_str().unwrap();
    assert!(!thread.is_empty() && stall["since"].as_u64().unwrap() > 0);
    let told = soon("the event", stream.until("\n\n")).await.unwrap();
    let told = String::from_utf8_lossy(&told);
    for part in [
        "event: plugin.stalled",
        "\"plugin\":\"stuck\"",
        "GET /stuck",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let report = until(&running, "stuck", |report| report["state"] == "degraded").await;
    let reason = format!("it blocks the thread `{thread}` at `GET /stuck`");
    assert_eq!(report["reason"], reason);
    let page = get(&running, "/metrics").await;
    for line in [
        "chassis_stalled_threads{plugin=\"stuck\"} 1",
        "chassis_plugin_stalls_total{plugin=\"stuck\"} 1",
    ] {
        assert!(page.text().contains(line), "{line} in {}", page.text());
    }

    gate.open();
    assert_eq!(asked.answer().await.text(), "free");
    let told = soon("the end of it", stream.until("stalled_ms")).await;
    let told = String::from_utf8_lossy(&told.unwrap()).into_owned();
    assert!(told.contains("event: plugin.resumed"), "{told}");
    until(&running, "stuck", |report| {
        stalls(report) == 0 && report["state"] == "running"
    })
    .await;
    let page = get(&running, "/metrics").await;
    for line in [
        "chassis_stalled_threads{plugin=\"stuck\"} 0",
        "chassis_plugin_stalls_total{plugin=\"stuck\"} 1",
    ] {
        assert!(page.text().contains(line), "{line} in {}", page.text());
    }
    stop(&workers, running).await;
}

#[tokio::test]
async fn whatever_blocks_is_named() {
    let gates: [Gate; 3] = Default::default();
    let _opens = gates.clone().map(Opens);
    let [hook, task, event] = gates.clone();
    let hooked = plugin("hooked", move |cx| {
        let gate = hook.clone();
        cx.filter(&points::PRE_REQUEST, move |exchange: &mut Exchange| {
            if exchange.uri().path() == "/hook" {
                gate.wait();
            }
        });
    });
    let tasked = plugin("tasked", move |cx| {
        let gate = task.clone();
        let background = cx.background().clone();
        cx.get("/task", async move || {
            background.spawn("digging", async move {
                tokio::task::yield_now().await;
                gate.wait();
                Ok(())
            });
        });
    });
    let subscribed = plugin("subscribed", move |cx| {
        let gate = event.clone();
        cx.on("paper.jammed", async move |_: Message| gate.wait());
        cx.get("/event", async |events: Events| {
            events.publish_as("paper.jammed", json!({})).map(|_| ())
        });
    });
    let (workers, running) = start([hooked, tasked, subscribed]).await;
    for ((plugin, path, point), gate) in [
        ("hooked", "/hook", "middleware.pre_request"),
        ("tasked", "/task", "digging"),
        ("subscribed", "/event", "events.deliver"),
    ]
    .into_iter()
    .zip(gates)
    {
        let _asked = send(running.service_address(), path).await;
        let report = until(&running, plugin, |report| stalls(report) == 1).await;
        assert_eq!(report["stalls"][0]["point"], point, "{plugin}");
        gate.open();
        until(&running, plugin, |report| stalls(report) == 0).await;
    }
    stop(&workers, running).await;
}

#[tokio::test]
async fn the_log_names_who_blocks_and_tells_the_end() {
    let mut command = command(&[]);
    command.stdin(Stdio::piped());
    let mut victim = Victim::run(command).await;
    let mut asked = send(victim.address, "/block").await;
    let lines = soon("the line", victim.logged("blocks its thread")).await;
    let line = lines.last().unwrap();
    for part in ["WARN", "plugin=trouble", "point=GET /block", "thread="] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let mut raw = Raw::connect(victim.management).await;
    let report = raw.get("/plugins/trouble").await.json();
    assert_eq!(report["state"], "degraded");
    victim.write("on it goes\n").await;
    assert_eq!(asked.answer().await.text(), "on it goes\n");
    let end = "does not block its thread any more";
    let lines = soon("its end", victim.logged(end)).await;
    let line = lines.last().unwrap();
    assert!(
        line.contains("plugin=trouble") && line.contains("millis="),
        "{line}"
    );
}
