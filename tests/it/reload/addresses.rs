//! A reload that changes where the service listens.

use crate::{
    client::{Http2, Raw, soon, start},
    made::plugin,
    management::ask,
    scripted::scripted,
};
use axum::extract::{WebSocketUpgrade, ws::WebSocket};
use chassis::{Chassis, Registration, Running, code, prelude::*};
use futures::{SinkExt as _, StreamExt as _};
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};
use tokio::{net::TcpStream, sync::Semaphore};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

/// A port that nobody has.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A service whose addresses are in a file that the test can change.
struct Service {
    file: tempfile::NamedTempFile,
    running: Running,
}

fn write(file: &tempfile::NamedTempFile, listen: SocketAddr, more: &str) {
    let text = format!(
        "server: {{listen: \"{listen}\"}}\nreload: {{watch: false}}\nshutdown: {{idle_linger: 0s}}\n{more}"
    );
    std::fs::write(file.path(), text).unwrap();
}

/// Management at any free port.
const ANYWHERE: &str = "management: {listen: \"127.0.0.1:0\"}\n";

impl Service {
    async fn start(plugins: impl IntoIterator<Item = Registration>) -> Self {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        write(&file, free(), ANYWHERE);
        let builder = Chassis::builder()
            .without_linked_plugins()
            .config_file(file.path());
        let builder = plugins
            .into_iter()
            .fold(builder, |all, one| all.register(one));
        let running = start(builder).await;
        Self { file, running }
    }

    async fn move_to(&self, listen: SocketAddr) -> Result<chassis::Reloaded> {
        write(&self.file, listen, ANYWHERE);
        self.reload().await
    }

    async fn reload(&self) -> Result<chassis::Reloaded> {
        let handle = self.running.handle();
        soon("the reload", handle.reload()).await
    }

    fn address(&self) -> SocketAddr {
        self.running.service_address()
    }
}

/// A plugin with an answer, one that waits until it may be given, and a WebSocket that echoes.
fn talker() -> (Registration, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let talker = plugin("talker", move |cx| {
        cx.get("/ping", async || "pong");
        let gate = Arc::clone(&gate);
        cx.get("/slow", async move || match gate.acquire().await {
            Ok(_) => "at last",
            Err(_) => "never",
        });
        cx.get("/socket", async |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async |mut socket: WebSocket| {
                while let Some(Ok(message)) = socket.recv().await {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
            })
        });
    });
    (talker, opened)
}

fn is_free(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_new_address_answers_and_the_old_one_is_free() {
    let (talker, gate) = talker();
    let service = Service::start([talker]).await;
    let old = service.address();
    let mut idle = Raw::connect(old).await;
    assert_eq!(idle.get("/ping").await.header("connection"), None);
    let mut busy = Raw::connect(old).await;
    busy.send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await;
    // Its handler runs: it stands behind this one.
    let mut other = Raw::connect(old).await;
    assert_eq!(other.get("/ping").await.text(), "pong");

    let new = free();
    let reloaded = service.move_to(new).await.unwrap();
    assert_eq!(reloaded.settings, ["server.listen"]);
    assert_eq!(reloaded.carried.len(), 1, "no plugin is built anew for it");
    assert_eq!(service.address(), new);
    let info = service.running.handle().info().unwrap();
    assert_eq!(info.addresses.service, Some(new));
    assert_eq!(Raw::connect(new).await.get("/ping").await.text(), "pong");
    assert!(is_free(old), "it is let go when the answer comes");

    // Whoever is there yet gets his answer, and is told to go.
    gate.add_permits(1);
    let last = busy.answer().await;
    assert_eq!(
        (last.text(), last.header("connection")),
        ("at last", Some("close"))
    );
    assert!(busy.rest().await.is_empty());
    assert!(
        idle.rest().await.is_empty(),
        "an idle connection is closed in peace"
    );
    assert!(service.running.stop().await.is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_outlives_its_address() {
    let (talker, _) = talker();
    let service = Service::start([talker]).await;
    let old = service.address();
    let stream = TcpStream::connect(old).await.unwrap();
    let opening = tokio_tungstenite::client_async(format!("ws://{old}/socket"), stream);
    let mut socket = soon("the upgrade", opening).await.unwrap().0;
    for number in 0..3 {
        service.move_to(free()).await.unwrap();
        let said = Message::text(number.to_string());
        socket.send(said.clone()).await.unwrap();
        let echo = soon("the echo", socket.next()).await.unwrap().unwrap();
        assert_eq!(echo, said);
    }
    assert!(is_free(old));
    // It counts as a connection of the service to the end.
    let stopping = tokio::spawn(service.running.stop());
    let last = soon("the end", socket.next()).await.unwrap().unwrap();
    let Message::Close(Some(frame)) = last else {
        panic!("{last:?}");
    };
    assert_eq!(frame.code, CloseCode::Away);
    drop(socket);
    assert!(soon("the end", stopping).await.unwrap().is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_requests_to_the_old_address_are_finished() {
    let (talker, gate) = talker();
    let service = Service::start([talker]).await;
    let mut client = Http2::connect(service.address()).await;
    assert_eq!(client.get("/ping").await.unwrap().text(), "pong");
    let mut slow = client.clone();
    let slow = tokio::spawn(async move { slow.get("/slow").await });
    assert_eq!(client.get("/ping").await.unwrap().text(), "pong");
    service.move_to(free()).await.unwrap();
    gate.add_permits(1);
    let answer = soon("the answer", slow).await.unwrap().unwrap();
    assert_eq!(answer.text(), "at last");
    soon("GOAWAY", async {
        while client.sender.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(service.running.stop().await.is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_taken_changes_nothing() {
    let (talker, _) = talker();
    let service = Service::start([talker, scripted("other", &[])]).await;
    let (old, handle) = (service.address(), service.running.handle());
    let mut open = Raw::connect(old).await;
    assert_eq!(open.get("/ping").await.text(), "pong");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    write(
        &service.file,
        at,
        &format!("{ANYWHERE}plugins: {{other: {{config: {{log: taken}}}}}}\n"),
    );
    let error = service.reload().await.unwrap_err();
    assert_eq!((error.code(), error.code().status()), (code::LISTEN, 422));
    assert!(
        error
            .message()
            .starts_with(&format!("can't listen on {at}")),
        "{error}"
    );
    assert!(
        error
            .origin()
            .is_some_and(|origin| origin.ends_with(".yaml:1:18")),
        "{error:?}"
    );
    assert_eq!(handle.generations().unwrap().len(), 1);
    assert!(
        crate::scripted::log("taken").is_empty(),
        "no plugin was built for it"
    );

    // One that the service has itself.
    let everywhere = SocketAddr::from(([0, 0, 0, 0], old.port()));
    let error = service.move_to(everywhere).await.unwrap_err();
    assert!(error.message().contains("`server.listen` is at"), "{error}");

    // The address is good, and something else is not.
    let good = free();
    write(
        &service.file,
        good,
        &format!("{ANYWHERE}plugins: {{other: {{config: {{init: fail}}}}}}\n"),
    );
    let error = service.reload().await.unwrap_err();
    assert_eq!(error.code(), code::RELOAD_FAILED);
    assert!(is_free(good), "nothing of it is left");

    assert_eq!(service.address(), old);
    assert_eq!(open.get("/ping").await.header("connection"), None);
    drop(taken);
    service.move_to(at).await.unwrap();
    assert_eq!(Raw::connect(at).await.get("/ping").await.text(), "pong");
    assert!(service.running.stop().await.is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_address_is_not_bound_again() {
    let (talker, _) = talker();
    let service = Service::start([talker]).await;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    service.move_to(any).await.unwrap();
    let at = service.address();
    let mut open = Raw::connect(at).await;
    assert_eq!(open.get("/ping").await.text(), "pong");
    // The same text, and the port that it has come to.
    for listen in [any, at, at] {
        service.move_to(listen).await.unwrap();
        assert_eq!(service.address(), at);
        assert_eq!(
            open.get("/ping").await.header("connection"),
            None,
            "{listen}"
        );
    }
    drop(open);
    assert!(service.running.stop().await.is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_was_handed_over_stays() {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    write(&file, free(), ANYWHERE);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let handed = listener.local_addr().unwrap();
    let builder = Chassis::builder()
        .without_linked_plugins()
        .register(talker().0)
        .config_file(file.path())
        .listener(listener);
    let service = Service {
        running: start(builder).await,
        file,
    };
    assert_eq!(service.address(), handed);
    let elsewhere = free();
    service.move_to(elsewhere).await.unwrap();
    assert_eq!(service.address(), handed);
    assert_eq!(Raw::connect(handed).await.get("/ping").await.text(), "pong");
    assert!(is_free(elsewhere));
    assert!(service.running.stop().await.is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn management_moves_while_it_answers() {
    let service = Service::start([scripted("web", &[])]).await;
    let old = service.running.management_address().unwrap();
    let mut idle = Raw::management(old).await;
    assert_eq!(idle.get("/info").await.status, 200);
    let (status, _, _) = {
        let headers = [("prefer", "respond-async")];
        ask::request(old, http::Method::POST, "/reload", &headers, "").await
    };
    assert_eq!(status, 202);
    soon("the end of the operation", async {
        while ask::get_json(old, "/operations/1").await["state"] == "running" {}
    })
    .await;

    let (new, metrics) = (free(), free());
    let at = format!("management: {{listen: \"{new}\"}}\nmetrics: {{listen: \"{metrics}\"}}\n");
    write(&service.file, service.address(), &at);
    // Asked at the address that is about to be left.
    let (status, headers, body) = ask::post(old, "/reload").await;
    assert_eq!(status, 200, "{body:?}");
    assert_eq!(headers.get("connection").unwrap(), "close");
    assert_eq!(service.running.management_address(), Some(new));
    assert_eq!(service.running.metrics_address(), Some(metrics));
    assert!(is_free(old));
    assert!(idle.rest().await.is_empty());
    let info = ask::get_json(new, "/info").await;
    assert_eq!(info["addresses"]["management"], new.to_string());
    // What it remembers went with it.
    let operation = ask::get_json(new, "/operations/1").await;
    assert_eq!(operation["state"], "succeeded");
    assert_eq!(
        Raw::connect(metrics).await.get("/metrics").await.status,
        200
    );
    assert_eq!(Raw::connect(metrics).await.get("/info").await.status, 404);

    let elsewhere = free();
    let at = format!("management: {{listen: \"{new}\"}}\nmetrics: {{listen: \"{elsewhere}\"}}\n");
    write(&service.file, service.address(), &at);
    service.reload().await.unwrap();
    assert!(is_free(metrics));
    assert_eq!(
        Raw::connect(elsewhere).await.get("/metrics").await.status,
        200
    );
    let at = format!("management: {{listen: \"{new}\"}}\n");
    write(&service.file, service.address(), &at);
    service.reload().await.unwrap();
    assert_eq!(service.running.metrics_address(), None);
    assert!(is_free(elsewhere));
    assert!(service.running.stop().await.is_graceful());
    assert!(is_free(new));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_told_of_the_new_address() {
    let service = Service::start([scripted("web", &[])]).await;
    let handle = service.running.handle();
    let ports = || {
        let registered = handle.services().list().unwrap();
        let ports = registered.iter().map(|one| one.port);
        ports.collect::<Vec<_>>()
    };
    assert_eq!(ports(), [service.address().port()]);
    let new = free();
    service.move_to(new).await.unwrap();
    assert_eq!(ports(), [new.port()]);
    assert!(service.running.stop().await.is_graceful());
}
