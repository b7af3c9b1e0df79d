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
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr, ChildStdout, Command},
};

mod restarts;
mod exit;

/// A process that serves.
pub(crate) struct Victim {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) management: SocketAddr,
    /// What it logged until it was up.
    pub(crate) start: Vec<String>,
    pub(crate) log: Lines<BufReader<ChildStderr>>,
    pub(crate) said: Lines<BufReader<ChildStdout>>,
}

pub(crate) fn command(settings: &[(&str, &str)]) -> Command {
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
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        Self::run(command(settings)).await
    }

    pub(crate) async fn run(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the victim can be run");
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let start = lines_to(&mut log, "service on http://").await;
        let address = |what: &str| {
            let told = start
                .iter()
                .find_map(|line| line.rsplit_once(what)?.1.split([' ', '"']).next());
            told.expect("it is told").parse().expect("an address")
        };
        Self {
            address: address("service on http://"),
            management: address("management on http://"),
            child,
            start,
            log,
            said,
        }
    }

    pub(crate) async fn terminate(&self) {
        self.signal("TERM", 1).await;
    }

    /// Sends a signal, or several at once.
    pub(crate) async fn signal(&self, name: &str, times: usize) {
        send(&self.child, name, times).await;
    }

    /// Writes a line to its standard input, which has to be piped.
    pub(crate) async fn write(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        stdin.write_all(line.as_bytes()).await.unwrap();
    }

    /// Waits for a line of its log, and gives it together with those before it.
    pub(crate) async fn logged(&mut self, text: &str) -> Vec<String> {
        lines_to(&mut self.log, text).await
    }

    /// Waits until nobody can connect any more.
    async fn until_closed(&self) {
        soon("the end of the listener", async {
            while TcpStream::connect(self.address).await.is_ok() {}
        })
        .await;
    }

    /// Waits for its end: the exit status, and what it printed.
    pub(crate) async fn end(mut self) -> (ExitStatus, Vec<String>) {
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

async fn send(child: &Child, name: &str, times: usize) {
    let pid = child.id().expect("it still runs");
    let script = vec![format!("kill -{name} {pid}"); times].join("; ");
    let killed = Command::new("sh").args(["-c", &script]).status().await;
    assert!(killed.expect("kill can be run").success());
}

async fn line_with<R>(lines: &mut Lines<R>, text: &str)
where
    R: tokio::io::AsyncBufRead + Unpin,
{
    lines_to(lines, text).await;
}

/// The lines up to the first with this text.
async fn lines_to<R>(lines: &mut Lines<R>, text: &str) -> Vec<String>
where
    R: tokio::io::AsyncBufRead + Unpin,
{
    let mut all = Vec::new();
    loop {
        let line = soon(text, lines.next_line()).await.expect("it can be read");
        let Some(line) = line else {
            panic!("no {text:?} in {all:#?}")
        };
        let is_last = line.contains(text);
        all.push(line);
        if is_last {
            return all;
        }
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
    // Those that come within a second are the first one still.
    soon("its end", async {
        while victim.child.try_wait().expect("it can be asked").is_none() {
            victim.terminate().await;
        }
    })
    .await;
    let (status, printed) = victim.end().await;
    assert_eq!(status.code(), Some(1));
    assert_eq!(printed, [""; 0], "no plugin was stopped");
}

#[tokio::test]
async fn the_same_signal_twice_is_one() {
    let mut victim = Victim::start(&[]).await;
    let mut raw = Raw::connect(victim.address).await;
    raw.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nfirst")
        .await;
    let mut idle = Raw::connect(victim.address).await;
    assert_eq!(idle.get("/short").await.text(), "short");
    victim.signal("TERM", 2).await;
    line_with(&mut victim.log, "waiting for 1 request").await;
    raw.send("-half").await;
    assert_eq!(raw.answer().await.text(), "first-half");
    drop((raw, idle));
    let (status, printed) = victim.end().await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(printed, ["front stopped", "base stopped"]);
}

#[tokio::test]
async fn a_signal_during_the_start_tells_what_was_waited_for() {
    let settings = [
        ("CHASSIS__PLUGINS__VAULT__CONFIG__FAILS", "hang"),
        ("RUST_LOG", "debug"),
    ];
    let mut child = command(&settings).spawn().expect("the victim can be run");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    line_with(&mut said, "hanging").await;
    send(&child, "TERM", 1).await;
    let lines = lines_to(&mut log, "the start was waiting for").await;
    let waiting = lines.last().unwrap();
    assert!(waiting.contains("vault (initializing)"), "{waiting}");
    assert!(
        lines
            .iter()
            .any(|line| line.contains("WARN") && line.contains("SIGTERM"))
    );
    let mut rest = Vec::new();
    while let Ok(Some(line)) = soon("the log", log.next_line()).await {
        rest.push(line);
    }
    assert!(!rest.iter().any(|line| line.contains("ERROR")), "{rest:#?}");
    let status = soon("its end", child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(1));
}

#[tokio::test]
async fn a_request_that_outlives_the_grace_is_cut_off_and_told() {
    let mut victim = Victim::start(&[("CHASSIS__SHUTDOWN__GRACE", "100ms")]).await;
    let mut raw = Raw::connect(victim.address).await;
    raw.send("GET /hang HTTP/1.1\r\nhost: test\r\n\r\n").await;
    line_with(&mut victim.said, "hanging").await;
    victim.terminate().await;
    line_with(&mut victim.log, "connection cut off").await;
    let lines = lines_to(&mut victim.log, "request cut off").await;
    let cut_off = lines.last().unwrap();
    assert!(
        cut_off.contains("WARN") && cut_off.contains("route=\"/hang\""),
        "{cut_off}"
    );
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
