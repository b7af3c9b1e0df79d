//! What is seen over connections: limits of the server, its addresses, and its end.

use super::{
    Setting,
    hands::{Hands, answer, is_closed},
    in_real_time, in_virtual_time,
};
use crate::{
    client::{Raw, soon, start},
    made::{Log, plugin},
};
use chassis::{Chassis, ChassisBuilder, Running};
use chassis_config_directory::ConfigDirectory;
use chassis_greeter::Greeter;
use std::{fs, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const FREE: &str = "127.0.0.1:0";

fn service(setting: Setting) -> ChassisBuilder {
    let pages = plugin("pages", |cx| {
        cx.get("/", async || "hello");
    });
    Chassis::builder()
        .without_linked_plugins()
        .config_text("row.yaml", setting.yaml())
        .register(pages)
}

fn listening(setting: Setting) -> ChassisBuilder {
    service(setting)
        .set("server.listen", FREE)
        .set("management.listen", FREE)
}

async fn started(setting: Setting) -> Running {
    start(listening(setting)).await
}

/// A connection on which a request was answered.
async fn used(running: &Running) -> Raw {
    let mut raw = Raw::connect(running.service_address()).await;
    assert_eq!(raw.get("/").await.text(), "hello");
    raw
}

pub(super) fn service_address(setting: Setting) -> String {
    let builder = service(setting).set("management.listen", FREE);
    in_real_time(address(builder, "/", |running| {
        Some(running.service_address())
    }))
}

pub(super) fn management_address(setting: Setting) -> String {
    let builder = service(setting).set("server.listen", FREE);
    in_real_time(address(
        builder,
        "/health/ready",
        Running::management_address,
    ))
}

pub(super) fn metrics_address(setting: Setting) -> String {
    in_real_time(async {
        let running = started(setting).await;
        let Some(address) = running.metrics_address() else {
            return "nobody listens".to_owned();
        };
        let mut raw = Raw::connect(address).await;
        assert_eq!(raw.get("/metrics").await.status, 200);
        assert_eq!(raw.get("/plugins").await.status, 404);
        "metrics, and nothing else".to_owned()
    })
}

/// Where it listens, or would if nobody else did.
async fn address(
    builder: ChassisBuilder,
    path: &str,
    of: fn(&Running) -> Option<SocketAddr>,
) -> String {
    let port = match builder.start().await {
        Ok(running) => {
            let address = of(&running).expect("it listens");
            assert_eq!(Raw::connect(address).await.get(path).await.status, 200);
            address.port()
        }
        Err(error) => {
            let told = error
                .message()
                .strip_prefix("can't listen on ")
                .expect("a taken port");
            let address = told
                .split(' ')
                .next()
                .and_then(|told| told.trim_end_matches(':').parse().ok());
            let address: SocketAddr = address.expect("it is told");
            address.port()
        }
    };
    match port {
        8080 | 8081 => format!("port {port}"),
        _ => "a free port".to_owned(),
    }
}

pub(super) fn large_head(setting: Setting) -> String {
    in_real_time(async {
        let running = started(setting).await;
        let mut raw = Raw::connect(running.service_address()).await;
        let large = "x".repeat(20 << 10);
        raw.send(format!(
            "GET / HTTP/1.1\r\nhost: test\r\nx-large: {large}\r\n\r\n"
        ))
        .await;
        format!("20 KiB: {}", raw.answer().await.status.as_u16())
    })
}

pub(super) fn slow_head(setting: Setting) -> String {
    in_virtual_time(async {
        let mut hands = Hands::stop().await;
        let running = started(setting).await;
        let mut raw = Raw::connect(running.service_address()).await;
        raw.send("GET / HT").await;
        let mut status = None;
        let after = hands.seconds_until(async || {
            status = answer(&mut raw);
            status.is_some()
        });
        let after = after.await;
        format!(
            "{} after {after}s",
            status.map_or(0, |status| status.as_u16())
        )
    })
}

pub(super) fn idle_connection(setting: Setting) -> String {
    in_virtual_time(async {
        let mut hands = Hands::stop().await;
        let running = started(setting).await;
        let mut raw = used(&running).await;
        let after = hands.seconds_until(async || is_closed(&mut raw)).await;
        format!("closed after {after}s")
    })
}

pub(super) fn two_connections(setting: Setting) -> String {
    in_virtual_time(async {
        let mut hands = Hands::stop().await;
        let running = started(setting).await;
        let mut first = used(&running).await;
        let mut second = Raw::connect(running.service_address()).await;
        second.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        hands.settle().await;
        if answer(&mut second).is_some() {
            return "the second is served at once".to_owned();
        }
        assert_eq!(first.get("/").await.text(), "hello");
        drop(first);
        assert_eq!(second.answer().await.text(), "hello");
        "the second waits for the end of the first".to_owned()
    })
}

pub(super) fn delayed_end(setting: Setting) -> String {
    in_virtual_time(async {
        let mut hands = Hands::stop().await;
        let running = started(setting).await;
        let (address, management) = (running.service_address(), running.management_address());
        let management = management.expect("it listens");
        tokio::spawn(running.stop());
        let open = hands.seconds_until(async || {
            // Whoever comes is served, and whoever asks is told not to send anybody.
            if !is_served(address).await {
                return true;
            }
            let ready = Raw::management(management).await.get("/health/ready").await;
            assert_eq!(ready.status, 503);
            false
        });
        format!("not ready, and open for {}s", open.await)
    })
}

/// Whether a new connection is served.
///
/// A process that another test is about to run holds every socket of this one for a moment. So an address may take a
/// connection that it does not listen on any more; what is open there gets no answer.
async fn is_served(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else {
        return false;
    };
    let request = b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let sent = stream.write_all(request).await;
    let read = soon("the end of the connection", stream.read_to_end(&mut answer)).await;
    sent.is_ok() && read.is_ok() && answer.ends_with(b"hello")
}

pub(super) fn hanging_end(setting: Setting) -> String {
    in_virtual_time(async {
        let mut hands = Hands::stop().await;
        let log = Log::new();
        let noted = log.clone();
        let hang = plugin("hang", move |cx| {
            let log = noted.clone();
            cx.get("/hang", async move || {
                let _end = Noted(log);
                std::future::pending::<()>().await;
            });
        });
        let builder = listening(setting).register(hang);
        let running = start(builder.set("server.request_timeout", "90s")).await;
        let mut raw = used(&running).await;
        raw.send("GET /hang HTTP/1.1\r\nhost: test\r\n\r\n").await;
        hands.settle().await;
        let stopping = tokio::spawn(running.stop());
        // The end of the connection may reach the client later: see `is_served`.
        let after = hands.seconds_until(async || !log.lines().is_empty()).await;
        assert!(raw.rest().await.is_empty(), "there is no answer");
        let stopped = stopping.await.expect("it stops");
        assert_eq!((stopped.cut_off, stopped.is_graceful()), (1, false));
        format!("cut off after {after}s")
    })
}

/// Notes the end of a handler that does not return.
struct Noted(Log);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.note("the handler was dropped");
    }
}

pub(super) fn idle_end(setting: Setting) -> String {
    in_virtual_time(async {
        let mut hands = Hands::stop().await;
        let running = started(setting).await;
        let mut raw = used(&running).await;
        let stopping = tokio::spawn(running.stop());
        let after = hands.seconds_until(async || is_closed(&mut raw)).await;
        assert!(stopping.await.expect("it stops").is_graceful());
        format!("closed after {after}s")
    })
}

/// What `GET /config` shows of a value that comes from a file of the directory.
pub(super) fn shown_greeting(setting: Setting) -> String {
    in_real_time(async {
        let directory = tempfile::tempdir().expect("there is room");
        let greeting = directory.path().join("plugins.greeter.config.greeting");
        fs::write(greeting, "Ahoy\n").expect("there is room");
        let path = directory.path().display().to_string();
        let builder = listening(setting)
            .plugin::<ConfigDirectory>()
            .plugin::<Greeter>()
            .set("plugins.config-directory.config.directory", path);
        let running = start(builder).await;
        let hello = Raw::connect(running.service_address())
            .await
            .get("/hello/Ada")
            .await;
        assert_eq!(hello.text(), "Ahoy, Ada!", "it is obeyed, shown or not");
        let management = running.management_address().expect("it listens");
        let config = Raw::management(management)
            .await
            .get("/config")
            .await
            .json();
        let shown = &config["values"]["plugins.greeter.config.greeting"]["value"];
        shown.as_str().unwrap_or("nothing").to_owned()
    })
}
