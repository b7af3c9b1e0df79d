//! Bodies without an end in sight: they do not hold their generation, and end when a plugin stops that they pass through.

use crate::{
    generation::{Lease, OpenStream, StreamKind, Streams},
    http::{Body, Exchange, Response, was_whole},
};
use bytes::Bytes;
use http::header;
use http_body::{Body as _, Frame, SizeHint};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// If nobody has ever known how long its body is, a response that does not need its generation any more; whether it is one.
pub(super) fn stream(
    response: &mut Response,
    exchange: &Exchange,
    lease: &Lease,
    streams: &Arc<Streams>,
) -> bool {
    let body = response.body();
    if body.is_end_stream()
        || body.size_hint().exact().is_some()
        || was_whole(response.extensions())
    {
        return false;
    }
    let headers = response.headers();
    let kind = headers.get(header::CONTENT_TYPE);
    let is_events = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    // Between two events of a compressed stream there is no end: who reads it would miss that of the encoding.
    let kind = match is_events && !headers.contains_key(header::CONTENT_ENCODING) {
        true => StreamKind::Events,
        false => StreamKind::Body,
    };
    let open = streams.open(kind, &lease.0, exchange.route_shared(), &exchange.passed());
    let body = std::mem::take(response.body_mut());
    *response.body_mut() = Body::new(Streaming::new(body, open));
    true
}

/// A body that knows which instances it passes through.
struct Streaming {
    body: Body,
    kind: StreamKind,
    leave: Pin<Box<WaitForCancellationFutureOwned>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// None once it has ended.
    open: Option<OpenStream>,
}

impl Streaming {
    fn new(body: Body, open: OpenStream) -> Self {
        let stream = &open.stream;
        Self {
            body,
            kind: stream.kind,
            leave: Box::pin(stream.leave.clone().cancelled_owned()),
            cut: Box::pin(stream.cut.clone().cancelled_owned()),
            open: Some(open),
        }
    }

    /// It ends here, whatever would come.
    fn end(&mut self) {
        // What it is made of is the plugin's, which is about to stop.
        self.body = Body::empty();
        self.open = None;
    }
}

impl http_body::Body for Streaming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.open.is_none() {
            return Poll::Ready(None);
        }
        if self.cut.as_mut().poll(cx).is_ready() {
            self.end();
            let message = "cut off: a plugin that it passes through has stopped";
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, message);
            return Poll::Ready(Some(Err(axum::Error::new(error))));
        }
        // An event is whole, and whoever reads them comes again. Half a file is none.
        if self.kind == StreamKind::Events && self.leave.as_mut().poll(cx).is_ready() {
            self.end();
            return Poll::Ready(None);
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.end();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.open.is_none() || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
