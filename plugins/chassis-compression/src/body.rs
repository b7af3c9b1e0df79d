//! A body made of another one: compressed as it is sent, or at once if it is small.

use crate::{Algorithm, Level, room::Seat};
use chassis::{
    Body, BoxError, Meter,
    axum::{
        self,
        body::Bytes,
        http::{Extensions, HeaderMap, HeaderValue, Request, Response, header::ACCEPT_ENCODING},
    },
};
use futures_util::{FutureExt as _, stream};
use http_body::{Body as _, Frame, SizeHint};
use metrics::Counter;
use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use tower::{Service as _, service_fn};
use tower_http::{
    CompressionLevel,
    compression::{Compression, CompressionBody},
};

/// Bodies that are whole, and not longer, are compressed at once: then their length is known, and the memory that an
/// encoder takes is free again.
const AT_ONCE: u64 = 64 * 1024;

pub(crate) fn is_short(length: Option<u64>) -> bool {
    length.is_some_and(|length| length <= AT_ONCE)
}

/// How much is compressed before others have their turn on this thread, and how much of that in one go.
const TURN: usize = 256 * 1024;
const SLICE: usize = 32 * 1024;

/// All algorithms, each at its level.
#[derive(Debug)]
pub(crate) struct Codecs([Codec; Algorithm::ALL.len()]);

impl Codecs {
    pub(crate) fn new(level: Level, meter: &Meter) -> Self {
        Self(Algorithm::ALL.map(|algorithm| Codec::new(algorithm, level, meter)))
    }

    pub(crate) fn of(&self, algorithm: Algorithm) -> &Codec {
        let [zstd, br, gzip] = &self.0;
        match algorithm {
            Algorithm::Zstd => zstd,
            Algorithm::Br => br,
            Algorithm::Gzip => gzip,
        }
    }
}

/// An algorithm at its level, and what it has done so far.
#[derive(Debug)]
pub(crate) struct Codec {
    algorithm: Algorithm,
    quality: CompressionLevel,
    answers: Counter,
    bytes_in: Counter,
    bytes_out: Counter,
    plain: Counter,
}

impl Codec {
    fn new(algorithm: Algorithm, level: Level, meter: &Meter) -> Self {
        let meter = meter.with("algorithm", algorithm.as_str());
        Self {
            algorithm,
            quality: CompressionLevel::Precise(level.of(algorithm)),
            answers: meter.counter("compression.answers", "Answers whose body is compressed."),
            bytes_in: meter.counter("compression.in.bytes", "What these bodies would have been."),
            bytes_out: meter.counter("compression.out.bytes", "What was sent of them."),
            plain: meter.counter(
                "compression.left_plain",
                "Answers that were sent as they are, because `max_open` others were under way.",
            ),
        }
    }

    /// There is no room for another one.
    #[cold]
    pub(crate) fn left_plain(&self) {
        self.plain.increment(1);
    }

    /// A compressed body in place of a plain one.
    pub(crate) fn compress(&self, body: Body, seat: Option<Seat>) -> Body {
        self.answers.increment(1);
        let is_short = is_short(body.size_hint().exact());
        let body = self.encode(Plain {
            body,
            rest: Bytes::new(),
            in_turn: 0,
            bytes_in: self.bytes_in.clone(),
        });
        let Some(body) = body else {
            let error = io::Error::other("the library that compresses has made no body");
            return Body::from_stream(stream::once(ready(Err::<Bytes, _>(error))));
        };
        let compressed = Compressed {
            body,
            bytes_out: self.bytes_out.clone(),
            _seat: seat,
        };
        match is_short {
            true => at_once(compressed),
            false => Body::new(compressed),
        }
    }

    /// The library makes bodies only where a service answers: one that answers with the body of the request.
    fn encode(&self, body: Plain) -> Option<CompressionBody<Plain>> {
        let mut service = Compression::new(service_fn(echo))
            .quality(self.quality)
            .compress_when(|_, _, _: &HeaderMap, _: &Extensions| true);
        let mut request = Request::new(body);
        let name = HeaderValue::from_static(self.algorithm.as_str());
        request.headers_mut().insert(ACCEPT_ENCODING, name);
        let Ok(answer) = service.call(request).now_or_never()?;
        Some(answer.into_body())
    }
}

fn echo(request: Request<Plain>) -> Ready<Result<Response<Plain>, Infallible>> {
    ready(Ok(Response::new(request.into_body())))
}

/// The body as it was, counted, and in slices.
struct Plain {
    body: Body,
    /// What has come of it, and was not handed on yet.
    rest: Bytes,
    /// How much was since others had their turn.
    in_turn: usize,
    bytes_in: Counter,
}

impl http_body::Body for Plain {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.in_turn >= TURN {
            self.in_turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let slice = self.rest.len().min(SLICE);
        let slice = self.rest.split_to(slice);
        self.in_turn += slice.len();
        self.bytes_in.increment(slice.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }
}

/// The body as it is sent, counted.
struct Compressed {
    body: CompressionBody<Plain>,
    bytes_out: Counter,
    /// Given back with the encoder.
    _seat: Option<Seat>,
}

impl http_body::Body for Compressed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.bytes_out.increment(data.len() as u64);
        }
        Poll::Ready(frame)
    }
}

/// A body that is compressed as far as it is there; mostly that is all of it.
fn at_once(mut rest: Compressed) -> Body {
    let mut cx = Context::from_waker(Waker::noop());
    let mut begun = VecDeque::new();
    let mut length = 0;
    loop {
        match Pin::new(&mut rest).poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => {
                length += frame.data_ref().map_or(0, Bytes::len);
                begun.push_back(Ok(frame));
            }
            Poll::Ready(Some(Err(error))) => {
                begun.push_back(Err(error));
                break;
            }
            Poll::Pending => break,
            Poll::Ready(None) => {
                let mut whole = Vec::with_capacity(length);
                let all = begun
                    .iter()
                    .map(|frame| frame.as_ref().ok().and_then(Frame::data_ref));
                let is_data = all.map(|data| data.map(|data| whole.extend_from_slice(data)));
                if is_data.collect::<Option<()>>().is_some() {
                    return Body::from(whole);
                }
                break;
            }
        }
    }
    Body::new(Begun { begun, rest })
}

/// A body of which a part was made already.
struct Begun {
    begun: VecDeque<Result<Frame<Bytes>, BoxError>>,
    rest: Compressed,
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.begun.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
