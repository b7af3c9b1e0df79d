//! The body of a response, if all of it is there already, to be looked at.

use crate::{
    error::BoxError,
    http::{Body, Exchange},
};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

impl Exchange {
    /// The body of the response, to be looked at: if all of it is there already, in one piece, and is no larger than `max`, as
    /// that of a handler that returns a text or a `Json`. Otherwise it is not read. What the client gets is the same.
    pub fn response_bytes(&mut self, max: usize) -> Option<Bytes> {
        whole(self.response.as_mut()?.body_mut(), max)
    }
}

/// All bytes of a body, if these are there already, in one piece, and are no more than `max`. The body stays as it was to
/// whoever reads it.
fn whole(body: &mut Body, max: usize) -> Option<Bytes> {
    let size = usize::try_from(body.size_hint().exact()?).ok()?;
    if size > max {
        return None;
    }
    if size == 0 {
        return Some(Bytes::new());
    }
    // Whoever reads it later leaves a waker of its own.
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Some(frame)) = Pin::new(&mut *body).poll_frame(&mut cx) else {
        return None;
    };
    let data = frame.as_ref().ok().and_then(Frame::data_ref);
    let bytes = data.filter(|data| data.len() == size).cloned();
    *body = match &bytes {
        Some(bytes) if body.is_end_stream() => Body::from(bytes.clone()),
        _ => Body::new(Begun {
            first: Some(frame.map_err(axum::Error::into_inner)),
            rest: mem::take(body),
            size: size as u64,
        }),
    };
    bytes
}

/// A body of which a frame was read already.
struct Begun {
    first: Option<Result<Frame<Bytes>, BoxError>>,
    rest: Body,
    /// That of both.
    size: u64,
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let frame = ready!(Pin::new(&mut self.rest).poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::into_inner)))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.first {
            Some(_) => SizeHint::with_exact(self.size),
            None => self.rest.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;
    use http_body_util::{BodyExt as _, StreamBody};

    fn frames(frames: &[&'static str]) -> Body {
        let frames: Vec<_> = frames
            .iter()
            .map(|text| Ok::<_, BoxError>(Frame::data(Bytes::from_static(text.as_bytes()))))
            .collect();
        Body::new(StreamBody::new(futures_util::stream::iter(frames)))
    }

    async fn text(body: Body) -> String {
        let bytes = body.collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_body_that_is_there_is_read_and_stays() {
        let mut body = "tea".into_response().into_body();
        assert_eq!(whole(&mut body, 2), None);
        for _ in 0..2 {
            assert_eq!(whole(&mut body, 3).as_deref(), Some(b"tea".as_slice()));
            assert_eq!(body.size_hint().exact(), Some(3));
        }
        assert_eq!(text(body).await, "tea");
        assert_eq!(whole(&mut Body::empty(), 0), Some(Bytes::new()));
    }

    #[tokio::test]
    async fn a_stream_is_left_alone_and_pieces_are_put_back() {
        let mut body = frames(&["te", "a"]);
        assert_eq!(whole(&mut body, 9), None);
        assert_eq!(text(body).await, "tea");

        // A size that is known, of what comes in pieces.
        struct Sized(Body);
        impl http_body::Body for Sized {
            type Data = Bytes;
            type Error = axum::Error;
            fn poll_frame(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
                Pin::new(&mut self.0).poll_frame(cx)
            }
            fn size_hint(&self) -> SizeHint {
                SizeHint::with_exact(3)
            }
        }
        let mut body = Body::new(Sized(frames(&["te", "a"])));
        assert_eq!(whole(&mut body, 9), None);
        assert_eq!(text(body).await, "tea");
        let mut body = Body::new(Sized(frames(&["tea"])));
        assert_eq!(whole(&mut body, 9).as_deref(), Some(b"tea".as_slice()));
        assert_eq!(text(body).await, "tea");
    }
}
