//! A socket that knows when its connection was last alive, and what it holds once it is upgraded.

use crate::generation::Lease;
use bytes::{Buf as _, BytesMut};
use std::{
    io,
    mem::{self, MaybeUninit},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

/// What is known of a connection: written by its socket and its requests, read by its watchdog.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    /// Milliseconds after `opened`, plus one; 0 is never.
    last: AtomicU64,
    /// When the first byte of a request head came whose last has not.
    head_since: AtomicU64,
    in_flight: AtomicUsize,
    /// How many requests were in what was read last.
    in_one_read: AtomicUsize,
    is_http2: AtomicBool,
    is_leaving: AtomicBool,
    /// The lease of an upgraded connection: to the end of the socket, not of the 101 response.
    lease: Mutex<Option<Arc<Lease>>>,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            last: AtomicU64::new(1),
            head_since: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            in_one_read: AtomicUsize::new(0),
            is_http2: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            lease: Mutex::new(None),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn since(&self, then: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(then))
    }

    pub(super) fn is_http2(&self) -> bool {
        self.is_http2.load(Relaxed)
    }

    /// A request came over HTTP/2: the preface may have come in pieces.
    pub(super) fn note_http2(&self) {
        self.is_http2.store(true, Relaxed);
    }

    /// The connection is idle, and is closed for that.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Relaxed);
    }

    /// Whether the client may be in the middle of sending something.
    fn may_linger(&self) -> bool {
        !self.is_leaving.load(Relaxed) && !self.is_http2()
    }

    /// Whether requests come in without waiting for answers.
    fn is_pipelined(&self) -> bool {
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

    /// A request has arrived; it is over when what is returned is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.head_since.store(0, Relaxed);
        self.in_one_read.fetch_add(1, Relaxed);
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// The connection is upgraded: it holds its generation until the socket is closed.
    pub(super) fn hold(&self, lease: Option<Arc<Lease>>) {
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }

    fn read(&self, bytes: &[u8]) {
        // The HTTP/2 preface; no HTTP/1 method begins so.
        if self.last.load(Relaxed) == 1 && bytes.starts_with(b"PRI * HTTP/2") {
            self.is_http2.store(true, Relaxed);
        }
        let now = self.now().max(2);
        self.last.store(now, Relaxed);
        self.in_one_read.store(0, Relaxed);
        // On HTTP/2, bytes without a request are pings and window updates.
        if !self.is_busy() && self.head_since.load(Relaxed) == 0 && !self.is_http2() {
            self.head_since.store(now, Relaxed);
        }
    }
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.last.store(self.0.now(), Relaxed);
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// A TCP socket that notes its activity, sends the answers to pipelined requests together, and does not close under a
/// client that is still sending.
pub(super) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// Answers to pipelined requests that are to be sent together.
    held: BytesMut,
    /// Whether something was written since the last flush.
    is_fresh: bool,
    has_ended: bool,
    lingering: Option<Pin<Box<Sleep>>>,
}

/// How much is held before it is sent.
const HELD: usize = 16 << 10;

/// How long a client that is still sending may take to see the answer.
const LINGER: Duration = Duration::from_secs(1);

impl Socket {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self {
            stream,
            activity,
            held: BytesMut::new(),
            is_fresh: false,
            has_ended: false,
            lingering: None,
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.held))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.held.advance(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.activity.hold(None);
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.held.is_empty()
            && let Poll::Ready(Err(error)) = self.poll_send(cx)
        {
            return Poll::Ready(Err(error));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let bytes = &buf.filled()[before..];
        if bytes.is_empty() {
            self.has_ended = buf.remaining() > 0;
        } else {
            self.activity.read(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.held.is_empty() && !self.activity.is_pipelined() {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        if self.held.len() >= HELD {
            ready!(self.poll_send(cx))?;
        }
        self.held.extend_from_slice(buf);
        self.is_fresh = true;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() {
            // hyper has the next request already, most likely, and its answer follows. If not, it flushes once more
            // with nothing new, and that is sent. (Its own `pipeline_flush` waits for the next request to come in
            // whole, and for its handler.)
            if mem::take(&mut self.is_fresh) && self.activity.is_pipelined() {
                cx.waker().wake_by_ref();
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_send(cx))?;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            if self.has_ended || !self.activity.may_linger() {
                return Poll::Ready(Ok(()));
            }
            self.lingering = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        // Closing a socket with bytes that nobody has read resets it, and the client may lose its answer.
        let mut scrap = [MaybeUninit::uninit(); 4_096];
        loop {
            let mut scrap = ReadBuf::uninit(&mut scrap);
            match Pin::new(&mut self.stream).poll_read(cx, &mut scrap) {
                Poll::Ready(Ok(())) if !scrap.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        match &mut self.lingering {
            Some(lingering) => lingering.as_mut().poll(cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }
}
