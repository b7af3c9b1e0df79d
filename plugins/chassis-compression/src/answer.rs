//! What the head of an answer says of its body, and what it has to say once that is compressed.

use crate::{Algorithm, accept::Accepted};
use chassis::{
    axum::http::{
        HeaderName,
        header::{
            ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
            CONTENT_RANGE, ETAG, VARY,
        },
    },
    prelude::*,
};
use http_body::Body as _;

/// How long the body of an answer is, or would be if not only the head were asked for: `Some(None)` if nobody knows, none if
/// there is nothing to compress.
#[inline]
pub(crate) fn length(exchange: &Exchange) -> Option<Option<u64>> {
    let body = exchange.response_body()?;
    let is_part = exchange.status() == StatusCode::PARTIAL_CONTENT;
    let length = body.size_hint().exact();
    match length {
        // axum leaves out the body, and says how long it would be.
        Some(0) if *exchange.method() == Method::HEAD => {
            let said = exchange.response_headers().get(CONTENT_LENGTH)?;
            let said: u64 = said.to_str().ok()?.parse().ok()?;
            (said > 0 && !is_part).then_some(Some(said))
        }
        Some(0) => None,
        length => (!is_part).then_some(length),
    }
}

/// Whether the body may be another one, and its head does not say what it is byte by byte.
pub(crate) fn may_change(headers: &HeaderMap) -> bool {
    const DIGESTS: [HeaderName; 4] = [
        HeaderName::from_static("content-digest"),
        HeaderName::from_static("repr-digest"),
        HeaderName::from_static("digest"),
        HeaderName::from_static("content-md5"),
    ];
    let is_fixed = |name: &HeaderName| headers.contains_key(name);
    let mut directives = headers.get_all(CACHE_CONTROL).iter();
    !is_fixed(&CONTENT_ENCODING)
        && !is_fixed(&CONTENT_RANGE)
        && !directives.any(|value| names(value, "no-transform"))
        && !DIGESTS.iter().any(is_fixed)
}

/// Says that the answer depends on what the client accepts.
pub(crate) fn vary(headers: &mut HeaderMap) {
    let mut said = headers.get_all(VARY).iter();
    if !said.any(|value| names(value, "*") || names(value, ACCEPT_ENCODING.as_str())) {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// Whether a list has this name in it.
fn names(list: &HeaderValue, name: &str) -> bool {
    let mut items = list.as_bytes().split(|byte| *byte == b',');
    items.any(|item| item.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
}

/// What the head says of a body that is compressed.
pub(crate) fn encoded(headers: &mut HeaderMap, algorithm: Algorithm) {
    let coding = HeaderValue::from_static(algorithm.as_str());
    headers.insert(CONTENT_ENCODING, coding);
    headers.remove(CONTENT_LENGTH);
    // A part of it could not be had again.
    headers.remove(ACCEPT_RANGES);
    weaken(headers);
}

/// A tag says that the bytes are the same, unless it is weak. Next time they may be others: RFC 9110, 8.8.1.
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).filter(|tag| is_strong(tag)) else {
        return;
    };
    if let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
        headers.insert(ETAG, weak);
    }
}

fn is_strong(tag: &HeaderValue) -> bool {
    tag.as_bytes().starts_with(b"\"")
}

/// An answer without a body. One that says that nothing has changed has the headers of what the client has: its tag is weak if
/// that was compressed, or no cache would know it again (RFC 9111, 4.3.4).
pub(crate) fn revalidated(exchange: &mut Exchange) {
    if exchange.status() != StatusCode::NOT_MODIFIED {
        return;
    }
    let tag = exchange.response_headers().get(ETAG);
    let has = exchange
        .kept()
        .and_then(|accepted: &Accepted| accepted.has.as_ref());
    let (Some(tag), Some(has)) = (tag.filter(|tag| is_strong(tag)), has) else {
        return;
    };
    let weak = [b"W/", tag.as_bytes()].concat();
    let mut tags = has.as_bytes().split(|byte| *byte == b',');
    if tags.any(|one| one.trim_ascii() == weak) {
        let headers = exchange.response_headers_mut();
        weaken(headers);
        vary(headers);
    }
}
