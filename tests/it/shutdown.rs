//! The end of a process: signals, draining, exit codes. The victim is `src/bin/victim.rs`.

use crate::client::{Raw, soon};
use bytes::Bytes;
use futures::channel::mpsc;
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    convert::Infallible,
    net::SocketAddr,
    process::{ExitStatus, Stdio},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, ChildStdout, Command},
};

mod restarts;
mod exit;

/// A process that serves.
struct Victim {
    child: Child,
    address: SocketAddr,
    log: Lines<BufReader<ChildStderr>>,
    said: Lines<BufReader<ChildStdout>>,
}

fn command(settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_victim"));
    command
        .env("CHASSIS__SERVER__LISTEN", "127.0.0.1:0")
        .env("CHASSIS__MANAGEMENT__LISTEN", "127.0.0.1:0")
        .env_remove("RUST_LOG")
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Victim {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let mut child = command(settings).spawn().expect("the victim can be run");
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = line_with(&mut log, "service on http://").await;
        let address = line.rsplit_once("http://").unwrap().1;
        let address = address
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .expect("an address is told");
        Self {
            child,
            address,
            log,
            said,
        }
    }

    async fn terminate(&self) {
        let pid = self.child.id().expect("it still runs").to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(killed.expect("kill can be run").success());
    }

    /// Waits until nobody can connect any more.
    async fn until_closed(&self) {
        soon("the end of the listener", async {
            while TcpStream::connect(self.address).await.is_ok() {}
        })
        .await;
    }

    /// Waits for its end: the exit status, and what it printed.
    async fn end(mut self) -> (ExitStatus, Vec<String>) {
        let mut printed = Vec::new();
        let said = async {
            while let Ok(Some(line)) = self.said.next_line().await {
                printed.push(line);
            }
        };
        let log = async { while let Ok(Some(_)) = self.log.next_line().await {} };
        let (status, (), ()) = soon("its end", async {
            tokio::join!(self.child.wait(), said, log)
        })
        .await;
        (status.unwrap(), printed)
    }
}

async fn line_with<R>(lines: &mut Lines<R>, text: &str) -> String
where
    R: tokio::io::AsyncBufRead + Unpin,
{
    let mut all = Vec::new();
    loop {
        let line = soon(text, lines.next_line()).await.expect("it can be read");
        let Some(line) = line else {
            panic!("no {text:?} in {all:#?}")
        };
        if line.contains(text) {
            return line;
        }
        all.push(line);
    }
}

#[tokio::test]
async fn a_request_under_way_is_finished_and_plugins_stop_in_reverse() {
    let victim = Victim::start(&[("CHASSIS__SHUTDOWN__IDLE_LINGER", "20s")]).await;
    let mut raw = Raw::connect(victim.address).await;
    assert_eq!(raw.get("/short").await.text(), "short");
    raw.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nfirst")
        .await;
    // It has been read, or the connection would be in the queue still.
    let mut idle = Raw::connect(victim.address).await;
    assert_eq!(idle.get("/short").await.text(), "short");
    victim.terminate().await;
    victim.until_closed().await;
    raw.send("-half").await;
    let answer = raw.answer().await;
    assert_eq!(
        (answer.text(), answer.header("connection")),
        ("first-half", Some("close"))
    );
    assert!(raw.rest().await.is_empty());
    // Somebody who is about to send a request on a connection that stays gets an answer.
    let late = idle.get("/short").await;
    assert_eq!(
        (late.text(), late.header("connection")),
        ("short", Some("close"))
    );
    drop((raw, idle));
    let (status, printed) = victim.end().await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(printed, ["front stopped", "base stopped"]);
}

#[tokio::test]
async fn over_http2_a_stream_under_way_is_finished() {
    let victim = Victim::start(&[]).await;
    let io = TokioIo::new(TcpStream::connect(victim.address).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let (half, halves) = mpsc::unbounded::<Result<Frame<Bytes>, Infallible>>();
    let uri = format!("http://{}/echo", victim.address);
    let request = Request::post(uri).body(StreamBody::new(halves)).unwrap();
    half.unbounded_send(Ok(Frame::data("first".into())))
        .unwrap();
    let answer = tokio::spawn(sender.send_request(request));
    let mut raw = Raw::connect(victim.address).await;
    assert_eq!(raw.get("/short").await.text(), "short");
    drop(raw);
    victim.terminate().await;
    victim.until_closed().await;
    half.unbounded_send(Ok(Frame::data("-half".into())))
        .unwrap();
    drop(half);
    let answer = soon("the answer", answer)
        .await
        .unwrap()
        .expect("the stream is finished");
    assert_eq!(
        answer.into_body().collect().await.unwrap().to_bytes(),
        "first-half"
    );
    // The connection is ended by the service, without an error.
    soon("the end of the connection", connection)
        .await
        .unwrap()
        .unwrap();
    assert!(sender.is_closed());
    assert_eq!(victim.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::connect(victim.address).await;
    raw.send("GET /hang HTTP/1.1\r\nhost: test\r\n\r\n").await;
    line_with(&mut victim.said, "hanging").await;
    victim.terminate().await;
    line_with(&mut victim.log, "a second signal ends at once").await;
    victim.terminate().await;
    let (status, printed) = victim.end().await;
    assert_eq!(status.code(), Some(1));
    assert_eq!(printed, [""; 0], "no plugin was stopped");
}

#[tokio::test]
async fn a_request_that_outlives_the_grace_is_cut_off_and_told() {
    let mut victim = Victim::start(&[("CHASSIS__SHUTDOWN__GRACE", "100ms")]).await;
    let mut raw = Raw::connect(victim.address).await;
    raw.send("GET /hang HTTP/1.1\r\nhost: test\r\n\r\n").await;
    line_with(&mut victim.said, "hanging").await;
    victim.terminate().await;
    line_with(&mut victim.log, "connection cut off").await;
    line_with(&mut victim.log, "not in peace").await;
    let (status, printed) = victim.end().await;
    assert_eq!(status.code(), Some(1));
    assert_eq!(printed, ["front stopped", "base stopped"]);
}

#[tokio::test]
async fn idle_connections_do_not_keep_a_process() {
    let victim = Victim::start(&[("CHASSIS__SHUTDOWN__IDLE_LINGER", "10ms")]).await;
    let silent = Raw::connect(victim.address).await;
    let mut used = Raw::connect(victim.address).await;
    assert_eq!(used.get("/short").await.text(), "short");
    // HTTP/2, and it will not answer to a ping.
    let mut mute = Raw::connect(victim.address).await;
    mute.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await;
    victim.terminate().await;
    assert!(used.rest().await.is_empty());
    drop(mute);
    assert_eq!(victim.end().await.0.code(), Some(0));
    drop(silent);
}
