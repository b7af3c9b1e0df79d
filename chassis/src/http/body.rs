//! Bodies: one that has a limit, and one that holds something until its last byte is out.

use super::Body;
use crate::error::BoxError;
use axum::extract::DefaultBodyLimit;
use bytes::Bytes;
use http::{Extensions, request::Parts};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::Limited;
use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};

/// The body of a request, with an error in it once more than `limit` bytes of it were read.
#[cold]
pub(super) fn limited(head: &mut Parts, body: Body, limit: usize) -> Body {
    if limit > AXUMS_LIMIT {
        // `server.max_body` is the limit; axum's own would cut in before.
        head.extensions = without_axums_limit(mem::take(&mut head.extensions));
    }
    Body::new(Limited::new(body, limit))
}

fn without_axums_limit(extensions: Extensions) -> Extensions {
    let mut request = http::Request::new(());
    *request.extensions_mut() = extensions;
    DefaultBodyLimit::disable().apply(&mut request);
    mem::take(request.extensions_mut())
}

/// What axum's extractors allow unless they are told otherwise.
const AXUMS_LIMIT: usize = 2_097_152;

/// A response body that holds something (a lease on its generation) until its last byte is out.
pub(crate) struct Held<T> {
    body: Body,
    held: Option<T>,
}

impl<T> Held<T> {
    pub(crate) fn new(body: Body, held: T) -> Self {
        // hyper does not poll a body that says at once that it has ended.
        let held = (!body.is_end_stream()).then_some(held);
        Self { body, held }
    }
}

impl<T: Unpin> http_body::Body for Held<T> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.held = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::into_inner)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
