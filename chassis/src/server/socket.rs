//! A socket that tells what happens on its connection, and that ends when the service does.

use super::{Shared, activity::Activity, upgraded::Signals};
use bytes::{Buf as _, BytesMut};
use std::{
    io,
    mem::{self, MaybeUninit},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::Sleep,
};

/// A TCP socket that notes its activity, sends the answers to pipelined requests together, and does not close under a
/// client that is still sending.
pub(super) struct Socket {
    stream: TcpStream,
    shared: Arc<Shared>,
    activity: Arc<Activity>,
    /// Once it is upgraded.
    signals: Signals,
    /// What was read to find out which HTTP the client speaks.
    begun: BytesMut,
    /// Answers to pipelined requests that are to be sent together.
    held: BytesMut,
    /// Whether something was written since the last flush.
    is_fresh: bool,
    /// Whether no answer is on its way.
    is_settled: bool,
    has_ended: bool,
    lingering: Option<Pin<Box<Sleep>>>,
    // The last: the stream is closed before the next one is accepted, and before nobody waits for this one any more.
    _place: Place,
}

/// A connection's place among `server.max_connections`, and what an upgraded one keeps.
struct Place {
    activity: Arc<Activity>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.activity.release();
    }
}

/// How much is read at first.
const BEGINNING: usize = 1 << 10;

/// How much is held before it is sent.
const HELD: usize = 16 << 10;

/// How long a client that is still sending may take to see the answer.
const LINGER: Duration = Duration::from_secs(1);

impl Socket {
    pub(super) fn new(
        stream: TcpStream,
        shared: Arc<Shared>,
        activity: Arc<Activity>,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let place = Place {
            activity: Arc::clone(&activity),
            _slot: slot,
        };
        Self {
            stream,
            shared,
            activity,
            signals: Signals::default(),
            begun: BytesMut::new(),
            held: BytesMut::new(),
            is_fresh: false,
            is_settled: true,
            has_ended: false,
            lingering: None,
            _place: place,
        }
    }

    /// Reads until it is known which HTTP the client speaks; whether it is HTTP/2. What was read is read again.
    pub(super) async fn is_http2(&mut self) -> io::Result<bool> {
        let mut begun = BytesMut::with_capacity(BEGINNING);
        while self.activity.may_become_http2() && self.read_buf(&mut begun).await? > 0 {}
        self.begun = begun;
        Ok(self.activity.is_http2())
    }

    /// The error of a write to an upgraded socket, once it is cut off.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.activity.is_upgraded()
            && let Poll::Ready(cut) = self.signals.poll_cut(&self.shared, &self.activity, cx)
        {
            return cut;
        }
        Ok(())
    }

    /// Follows the frames of a WebSocket.
    fn note_frames(&mut self, bytes: &[u8]) {
        if self.activity.is_websocket() {
            self.signals.frames.wrote(bytes);
        }
    }

    /// Tells the other end of a WebSocket why it ends.
    fn say_goodbye(&mut self, cx: &mut Context<'_>) {
        if let Some(goodbye) = self.signals.goodbye() {
            self.held.extend_from_slice(&goodbye);
            // What can't be sent now is sent with the end.
            _ = self.poll_send(cx);
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

/// The answer to a head that took too long.
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\n\
    connection: close\r\n\
    content-type: application/problem+json\r\n\
    content-length: 146\r\n\
    \r\n\
    {\"type\":\"about:blank\",\"title\":\"Request Timeout\",\"status\":408,\"code\":\"http.bad_request\",\
    \"detail\":\"the head of the request took too long to arrive\"}";

impl Drop for Socket {
    fn drop(&mut self) {
        // hyper has no means to answer to half a request.
        if self.activity.is_too_slow() && self.is_settled && self.held.is_empty() {
            _ = self.stream.try_write(TOO_SLOW);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.begun.is_empty() {
            let some = self.begun.len().min(buf.remaining());
            buf.put_slice(&self.begun.split_to(some));
            return Poll::Ready(Ok(()));
        }
        if !self.held.is_empty()
            && let Poll::Ready(Err(error)) = self.poll_send(cx)
        {
            return Poll::Ready(Err(error));
        }
        if self.activity.is_upgraded() {
            let this = &mut *self;
            let ending = this.signals.poll_ending(&this.shared, &this.activity, cx);
            if ending.is_ready() {
                self.say_goodbye(cx);
                return ending;
            }
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
        self.check(cx)?;
        self.is_settled = false;
        // Who only writes does not read of the end.
        if self.activity.is_websocket() && self.signals.is_leaving() {
            self.say_goodbye(cx);
        }
        if self.signals.has_said_goodbye() {
            return Poll::Ready(Ok(buf.len()));
        }
        if self.held.is_empty() && !self.activity.is_pipelined() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
            self.note_frames(&buf[..written]);
            return Poll::Ready(Ok(written));
        }
        if self.held.len() >= HELD {
            ready!(self.poll_send(cx))?;
        }
        self.note_frames(buf);
        self.held.extend_from_slice(buf);
        self.is_fresh = true;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
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
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.is_settled = true;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
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
