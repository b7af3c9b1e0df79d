//! What is known of a connection: since when it is idle, what it is in the middle of, what it holds.

use super::upgraded::Upgraded;
use crate::generation::{OpenStream, Stream};
use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// What is known of a connection: written by its socket and its requests, read by its watchdog.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// When something happened last: a request ended, or, on HTTP/1, bytes came. In nanoseconds after `opened`, plus
    /// one; 0 is never.
    last: AtomicU64,
    /// How often the connection's task was polled, and which of these polls read something last.
    polls: AtomicU64,
    read_in: AtomicU64,
    /// When the first byte of a request head came whose last has not.
    head_since: AtomicU64,
    in_flight: AtomicUsize,
    /// How many requests were in what was read last.
    in_one_read: AtomicUsize,
    /// How many bytes of the HTTP/2 preface have come; [`NO_PREFACE`] if it is another beginning.
    preface: AtomicUsize,
    is_http2: AtomicBool,
    is_leaving: AtomicBool,
    is_too_slow: AtomicBool,
    /// The answer is an upgrade: hyper will give the socket away.
    is_upgraded: AtomicBool,
    is_websocket: AtomicBool,
    /// hyper has given the socket away.
    handed_over: Notify,
    /// What an upgraded connection keeps to the end of the socket, not of the 101 response.
    kept: Mutex<(Option<OpenStream>, Option<Upgraded>)>,
}

/// How the HTTP/2 preface begins; no HTTP/1 method begins so.
const PREFACE: &[u8] = b"PRI * HTTP/2";
const NO_PREFACE: usize = usize::MAX;

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            last: AtomicU64::new(1),
            polls: AtomicU64::new(0),
            read_in: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            in_one_read: AtomicUsize::new(0),
            preface: AtomicUsize::new(0),
            is_http2: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            is_too_slow: AtomicBool::new(false),
            is_upgraded: AtomicBool::new(false),
            is_websocket: AtomicBool::new(false),
            handed_over: Notify::new(),
            kept: Mutex::default(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX - 1) + 1
    }

    fn since(&self, then: u64) -> Duration {
        Duration::from_nanos(self.now().saturating_sub(then))
    }

    /// When the head of a request had arrived that is about to be served.
    pub(super) fn arrived(&self) -> Instant {
        if self.is_http2() {
            // Bytes come for other requests as well.
            return Instant::now();
        }
        self.opened + Duration::from_nanos(self.last.load(Relaxed))
    }

    /// Whether what has come is the beginning of the HTTP/2 preface, or nothing.
    pub(super) fn may_become_http2(&self) -> bool {
        self.preface.load(Relaxed) < PREFACE.len()
    }

    pub(super) fn is_http2(&self) -> bool {
        self.is_http2.load(Relaxed)
    }

    /// The connection is idle, and is closed for that.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Relaxed);
    }

    /// A request head took too long, and the connection is closed for that.
    pub(super) fn give_up(&self) {
        self.is_too_slow.store(true, Relaxed);
    }

    pub(super) fn is_too_slow(&self) -> bool {
        self.is_too_slow.load(Relaxed)
    }

    /// Whether the client may be in the middle of sending something.
    pub(super) fn may_linger(&self) -> bool {
        !self.is_leaving.load(Relaxed) && !self.is_http2()
    }

    /// Whether requests come in without waiting for answers.
    pub(super) fn is_pipelined(&self) -> bool {
        self.in_one_read.load(Relaxed) > 1 && !self.is_http2()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Relaxed) > 0
    }

    /// How long nothing has happened; none while a request is under way.
    pub(super) fn idle(&self) -> Option<Duration> {
        (!self.is_busy()).then(|| self.since(self.last.load(Relaxed)))
    }

    /// How long a request head has been on its way.
    pub(super) fn head_pending(&self) -> Option<Duration> {
        let since = self.head_since.load(Relaxed);
        (since != 0 && !self.is_busy()).then(|| self.since(since))
    }

    /// The connection's task is polled.
    pub(super) fn poll(&self) {
        // Nobody else writes it.
        self.polls.store(self.polls.load(Relaxed) + 1, Relaxed);
    }

    /// A request has arrived; it is over when what is returned is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.head_since.store(0, Relaxed);
        self.in_one_read.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// The answer is an upgrade: the connection holds the plugins that it passes through until the socket is closed.
    pub(super) fn upgrade(&self, stream: OpenStream, is_websocket: bool) {
        self.is_websocket.store(is_websocket, Relaxed);
        self.keep(|kept| kept.0 = Some(stream));
        self.is_upgraded.store(true, Relaxed);
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.is_websocket.load(Relaxed)
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Relaxed)
    }

    /// hyper has given the socket away; from now on, `upgraded` counts it.
    pub(super) fn hand_over(&self, upgraded: Upgraded) {
        self.keep(|kept| kept.1 = Some(upgraded));
        self.handed_over.notify_one();
    }

    /// The stream that the connection has become.
    pub(super) fn stream(&self) -> Option<Arc<Stream>> {
        self.keep(|kept| kept.0.as_ref().map(|open| Arc::clone(&open.stream)))
    }

    /// Waits until hyper has given the socket away.
    pub(super) async fn handed_over(&self) {
        self.handed_over.notified().await;
    }

    /// The socket is closed.
    pub(super) fn release(&self) {
        drop(self.keep(mem::take));
    }

    fn keep<T>(&self, keep: impl FnOnce(&mut (Option<OpenStream>, Option<Upgraded>)) -> T) -> T {
        keep(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes have come.
    pub(super) fn read(&self, bytes: &[u8]) {
        let seen = self.preface.load(Relaxed);
        if seen < PREFACE.len() {
            self.note_preface(seen, bytes);
        }
        self.in_one_read.store(0, Relaxed);
        // On HTTP/2, bytes without a request are pings, window updates, and heads that may never end.
        if self.is_http2() {
            return;
        }
        let now = self.now();
        self.last.store(now, Relaxed);
        self.read_in.store(self.polls.load(Relaxed), Relaxed);
        if !self.is_busy() && self.head_since.load(Relaxed) == 0 {
            self.head_since.store(now, Relaxed);
        }
    }

    fn note_preface(&self, seen: usize, bytes: &[u8]) {
        let missing = &PREFACE[seen..];
        let count = missing.len().min(bytes.len());
        if missing[..count] != bytes[..count] {
            return self.preface.store(NO_PREFACE, Relaxed);
        }
        self.preface.store(seen + count, Relaxed);
        if count == missing.len() {
            self.is_http2.store(true, Relaxed);
            self.head_since.store(0, Relaxed);
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let activity = &*self.0;
        // One that is over in the poll that read it has taken no time worth a look at the clock.
        if activity.is_http2() || activity.polls.load(Relaxed) != activity.read_in.load(Relaxed) {
            activity.last.store(activity.now(), Relaxed);
        }
        activity.in_flight.fetch_sub(1, Relaxed);
    }
}
