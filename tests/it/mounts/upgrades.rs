//! WebSockets are connections: they count, they are told of the end, and they are cut off.

use super::streams::echo;
use crate::{
    client::{Raw, service, soon, start},
    made::{Log, plugin},
};
use axum::extract::{WebSocketUpgrade, ws::WebSocket};
use chassis::{Registration, Running};
use futures::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

async fn open(running: &Running, path: &str) -> WebSocketStream<TcpStream> {
    let address = running.service_address();
    let stream = TcpStream::connect(address).await.unwrap();
    let uri = format!("ws://{address}{path}");
    let opening = tokio_tungstenite::client_async(uri, stream);
    soon("the upgrade", opening).await.unwrap().0
}

async fn say(socket: &mut WebSocketStream<TcpStream>, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
    let answer = soon("the echo", socket.next()).await.unwrap().unwrap();
    assert_eq!(answer, Message::text(text));
}

async fn until_closed(mut socket: WebSocketStream<TcpStream>) {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    soon("the end of the socket", rest).await;
}

/// Notes when its stream has come to its end.
fn sockets(log: &Log) -> Registration {
    let log = log.clone();
    plugin("sockets", move |cx| {
        cx.get("/", async || "hello");
        cx.get("/echo", echo);
        let noted = log.clone();
        cx.get("/told", async move |upgrade: WebSocketUpgrade| {
            let log = noted.clone();
            upgrade.on_upgrade(async move |mut socket: WebSocket| {
                while let Some(Ok(message)) = socket.recv().await {
                    socket.send(message).await.expect("it is open");
                }
                log.note("at its end");
            })
        });
        cx.get("/raw", async |mut request: chassis::Request| {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.expect("it is upgraded"));
                let mut read = Vec::new();
                io.read_to_end(&mut read).await.expect("it ends in peace");
                io.write_all(&read).await.expect("it can be written to");
                io.shutdown().await.expect("it can be closed");
            });
            (
                StatusCode::SWITCHING_PROTOCOLS,
                [("connection", "upgrade"), ("upgrade", "raw")],
            )
        });
        let noted = log.clone();
        cx.get("/writes", async move |upgrade: WebSocketUpgrade| {
            let log = noted.clone();
            upgrade.on_upgrade(async move |mut socket: WebSocket| {
                log.note("writes");
                while socket.send("x".repeat(1 << 16).into()).await.is_ok() {}
                log.note("broken");
            })
        });
        let noted = log.clone();
        cx.get("/stays", async move |upgrade: WebSocketUpgrade| {
            let log = noted.clone();
            upgrade.on_upgrade(async move |mut socket: WebSocket| {
                while let Some(Ok(message)) = socket.recv().await {
                    socket.send(message).await.expect("it is open");
                }
                log.note("stays");
                std::future::pending::<()>().await;
            })
        });
    })
}

#[tokio::test]
async fn an_open_websocket_has_its_place_among_the_connections() {
    let builder = service([sockets(&Log::new())]).set("server.max_connections", 1);
    let running = start(builder).await;
    let mut socket = open(&running, "/echo").await;
    let mut second = Raw::connect(running.service_address()).await;
    second.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    for text in ["one", "two", "three", "four", "five"] {
        say(&mut socket, text).await;
    }
    assert_eq!(
        second.stream.try_read(&mut [0]).unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
    socket.close(None).await.unwrap();
    until_closed(socket).await;
    assert_eq!(second.answer().await.text(), "hello");
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn an_open_websocket_is_told_of_the_end_and_waited_for() {
    let log = Log::new();
    let running = start(service([sockets(&log)])).await;
    let mut told = open(&running, "/told").await;
    say(&mut told, "one").await;
    let mut echo = open(&running, "/echo").await;
    say(&mut echo, "two").await;
    let stopped = soon("the stop", running.stop()).await;
    assert!(stopped.is_graceful(), "{stopped:?}");
    assert_eq!(log.lines(), ["at its end"]);
    until_closed(told).await;
    until_closed(echo).await;
}

#[tokio::test]
async fn at_the_end_an_upgraded_connection_can_say_goodbye() {
    let running = start(service([sockets(&Log::new())])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send("GET /raw HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\nbye")
        .await;
    assert_eq!(raw.head().await.unwrap().0, 101);
    let client = async move {
        let rest = raw.rest().await;
        assert_eq!(rest, "bye");
    };
    let (stopped, ()) = soon("the stop", async { tokio::join!(running.stop(), client) }).await;
    assert!(stopped.is_graceful(), "{stopped:?}");
}

#[tokio::test]
async fn a_websocket_that_ignores_the_end_is_cut_off_and_counted() {
    let log = Log::new();
    let builder = service([sockets(&log)]).set("shutdown.grace", "100ms");
    let running = start(builder).await;
    let writes = open(&running, "/writes").await;
    log.until(1).await;
    let stopped = soon("the stop", running.stop()).await;
    assert_eq!(stopped.cut_off, 1);
    assert_eq!(log.lines(), ["writes", "broken"]);
    until_closed(writes).await;

    // Nobody can take a socket from a handler that does not use it.
    let log = Log::new();
    let builder = service([sockets(&log)]).set("shutdown.grace", "100ms");
    let running = start(builder).await;
    let mut stays = open(&running, "/stays").await;
    say(&mut stays, "one").await;
    let stopped = soon("the stop", running.stop()).await;
    assert_eq!((stopped.cut_off, stopped.is_graceful()), (1, false));
    assert_eq!(log.lines(), ["stays"]);
}
