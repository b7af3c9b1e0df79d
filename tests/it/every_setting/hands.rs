//! The hands of a clock: virtual time that passes only when the test says so, over real connections.
//!
//! Paused time runs ahead as soon as every task waits, also for bytes that are on their way. It does not as long as
//! something blocks.

use crate::client::Raw;
use futures::FutureExt as _;
use http::StatusCode;
use std::{sync::mpsc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::advance,
};

/// As long as they live, no time passes by itself.
pub(super) struct Hands {
    _hold: mpsc::Sender<()>,
    /// A connection of the test's own.
    near: TcpStream,
    far: TcpStream,
}

impl Hands {
    /// Stops the clock. Before anything else, so that it shows a whole second.
    pub(super) async fn stop() -> Self {
        let (hold, held) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || held.recv());
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        Self {
            _hold: hold,
            near: near.expect("it listens"),
            far: far.expect("somebody connects").0,
        }
    }

    /// Lets everybody do what is to be done now.
    pub(super) async fn settle(&mut self) {
        for _ in 0..3 {
            // What was sent before has arrived when this has.
            self.near.write_all(b"x").await.expect("it is open");
            _ = self.far.read_u8().await.expect("it is open");
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// How many seconds pass until it is so.
    pub(super) async fn seconds_until(&mut self, mut is_so: impl AsyncFnMut() -> bool) -> u64 {
        self.settle().await;
        // A bit late, so that what is due at a whole second has happened.
        advance(Duration::from_millis(5)).await;
        for second in 0..100 {
            self.settle().await;
            if is_so().await {
                return second;
            }
            advance(Duration::from_secs(1)).await;
        }
        panic!("it never is so")
    }
}

/// The status of the answer, if it is there.
pub(super) fn answer(raw: &mut Raw) -> Option<StatusCode> {
    let head = raw.head().now_or_never()?;
    Some(head.expect("it is an answer").0)
}

/// Whether the connection is at its end, without an answer.
pub(super) fn is_closed(raw: &mut Raw) -> bool {
    match raw.head().now_or_never() {
        None => false,
        Some(Err(_)) => true,
        Some(Ok((status, _))) => panic!("it was answered: {status}"),
    }
}
