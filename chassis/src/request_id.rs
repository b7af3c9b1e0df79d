//! The id of a request: the caller's, if it can stand in a log, or one of our own.

use crate::digits::{scrambled, written};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{
    cell::RefCell,
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: the caller's `X-Request-Id` if it is 1 to 64 letters, digits, `-`, `_` or `.`, else a new
/// one. It is in every log line of the request, and in the response's `X-Request-Id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// That of what belongs to no request.
    pub(crate) const NONE: Self = Self(HeaderValue::from_static(""));

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The caller's id, or a new one; and whether the caller has sent a trace, because the headers are looked through once.
    #[inline]
    pub(crate) fn of(headers: &HeaderMap) -> (Self, bool) {
        let (has_id, has_trace) = given(headers);
        if !has_id {
            return (Self::new(), has_trace);
        }
        let id = match headers.get(&X_REQUEST_ID) {
            // A copy: a plugin that keeps the id must not keep what the connection has read.
            Some(given) if is_plain(given.as_bytes()) => {
                HeaderValue::from_bytes(given.as_bytes()).map_or_else(|_| Self::new(), Self)
            }
            _ => Self::new(),
        };
        (id, has_trace)
    }

    /// An id that has come with something else than a request; none if it can't stand in a log.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = Some(text).filter(|text| is_plain(text.as_bytes()));
        HeaderValue::from_str(plain?).ok().map(Self)
    }

    /// 16 hexadecimal digits: unique in this process, and with a random start in each.
    pub(crate) fn new() -> Self {
        thread_local! {
            static BLOCK: RefCell<Block> = const { RefCell::new(Block::EMPTY) };
        }
        Self(BLOCK.with_borrow_mut(Block::next))
    }

    /// The id as a text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Adds the id to the headers of an answer, unless they have one.
    pub(crate) fn put_into(&self, headers: &mut HeaderMap) {
        let entry = headers.entry(&X_REQUEST_ID);
        entry.or_insert_with(|| self.0.clone());
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the caller has sent an id, and a trace. In a few headers it is sooner seen than hashed that they are not there.
fn given(headers: &HeaderMap) -> (bool, bool) {
    const FEW: usize = 12;
    if headers.len() > FEW {
        return (true, true);
    }
    // As texts, of which the lengths are compared first: two names are compared in some 40 instructions.
    headers
        .keys()
        .fold((false, false), |(id, trace), name| match name.as_str() {
            "x-request-id" => (true, trace),
            "traceparent" => (id, true),
            _ => (id, trace),
        })
}

/// Whether an id can stand in a log line and a header without harm.
fn is_plain(id: &[u8]) -> bool {
    (1..=64).contains(&id.len())
        && id
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// New ids, written in advance: one allocation for all of them, and one look at what threads share.
struct Block {
    text: Bytes,
    used: usize,
}

/// How many ids are written at once: 2 KiB.
const IDS: usize = 128;
const DIGITS: usize = 16;

impl Block {
    const EMPTY: Self = Self {
        text: Bytes::new(),
        used: 0,
    };

    fn next(&mut self) -> HeaderValue {
        if self.used == self.text.len() {
            *self = Self::write();
        }
        let id = self.text.slice(self.used..self.used + DIGITS);
        self.used += DIGITS;
        HeaderValue::from_maybe_shared(id).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }

    #[cold]
    fn write() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static SEED: OnceLock<u64> = OnceLock::new();
        let seed = *SEED.get_or_init(|| RandomState::new().hash_one(0));
        let first = NEXT.fetch_add(IDS as u64, Relaxed);
        let mut text = Vec::with_capacity(IDS * DIGITS);
        for index in 0..IDS as u64 {
            let id = scrambled(seed, first.wrapping_add(index));
            text.extend(written(id.to_be_bytes()).as_flattened());
        }
        Self {
            text: text.into(),
            used: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_callers_ids_are_checked() {
        let new = || std::iter::repeat_with(RequestId::new).take(10_000);
        let ids: std::collections::HashSet<_> = new().chain(new()).collect();
        assert_eq!(ids.len(), 20_000);
        assert!(ids.iter().all(|id| id.as_str().len() == DIGITS));
        let is_plain = |id: &str| is_plain(id.as_bytes());
        assert!(
            is_plain("a-b_c.D9") && !is_plain("") && !is_plain("a b") && !is_plain(&"a".repeat(65))
        );
    }
}
