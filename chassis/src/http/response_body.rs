//! The body of a response, for hooks that look at it or make another one of it.

use super::{Body, exchange::Exchange};
use bytes::Bytes;
use futures_util::stream;
use http::Extensions;
use http_body::Body as _;
use std::{future::ready, io, mem};

mod whole;

/// On a response whose body was made of one whose length was known.
#[derive(Clone)]
struct WasWhole;

/// Whether a body without a known length was made of one that had it: such a body has an end, so it keeps its generation, and
/// is not cut off with the plugins that it passes through.
pub(crate) fn was_whole(extensions: &Extensions) -> bool {
    extensions.get::<WasWhole>().is_some()
}

impl Exchange {
    /// The body of the response, to look at its length. On the way in there is none.
    pub fn response_body(&self) -> Option<&Body> {
        self.response.as_ref().map(http::Response::body)
    }

    /// Puts another body in place of that of the response: one that is made of it, compressed perhaps, or counted. On the way in
    /// nothing happens.
    ///
    /// What the headers say of the body is up to the hook: `Content-Length`, `Content-Encoding`, `ETag`. If the length of the
    /// body was known, that which is made of it has to have an end: it keeps its generation until then, so that no reload cuts
    /// it off. If the closure panics, the body is one that fails.
    ///
    /// ```
    /// use chassis::{Body, axum::http::header::CONTENT_LENGTH, prelude::*};
    ///
    /// /// Says nothing.
    /// #[plugin]
    /// async fn silent(cx: &mut PluginContext) -> Result<()> {
    ///     cx.filter(&points::POST_RESPONSE, |exchange: &mut Exchange| {
    ///         exchange.response_headers_mut().remove(CONTENT_LENGTH);
    ///         exchange.map_response_body(|_| Body::empty());
    ///     });
    ///     Ok(())
    /// }
    /// ```
    pub fn map_response_body(&mut self, map: impl FnOnce(Body) -> Body) {
        let Some(response) = &mut self.response else {
            return;
        };
        if response.body().size_hint().exact().is_some() {
            response.extensions_mut().insert(WasWhole);
        }
        let mut place = Place {
            body: response.body_mut(),
            is_filled: false,
        };
        *place.body = map(mem::take(place.body));
        place.is_filled = true;
    }
}

/// Where a body is taken out of, and another one put. Nobody should take nothing for the whole.
struct Place<'r> {
    body: &'r mut Body,
    is_filled: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.is_filled {
            let error = io::Error::other("what should have made a body of this one has panicked");
            *self.body = Body::from_stream(stream::once(ready(Err::<Bytes, _>(error))));
        }
    }
}
