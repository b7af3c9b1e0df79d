//! The trace that a request belongs to, as it travels in the headers `traceparent` and `tracestate`: W3C Trace Context.

use crate::digits::{self, scrambled};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{
    cell::Cell,
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

mod state;

/// The header that says which trace a request belongs to.
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The caller records what it does.
const SAMPLED: u8 = 0x01;

/// The id of the trace is random.
const RANDOM: u8 = 0x02;

/// The trace that a request belongs to ([W3C Trace Context](https://www.w3.org/TR/trace-context-2/)): what the caller sent in
/// `traceparent` and `tracestate`, or a new one if it sent none, or none that can be read.
///
/// It is an extractor; hooks have [`Exchange::trace`](crate::Exchange::trace), scopes [`Scope::trace`](crate::Scope::trace),
/// events [`Message::trace`](crate::Message::trace), and who has none of these asks for [`current`](Self::current). A new one
/// is made only if somebody asks, and everybody who asks during one request gets the same. The chassis records nothing: it
/// only hands on what a collector puts together.
///
/// ```
/// use chassis::{TraceContext, prelude::*};
///
/// /// Asks another service, as part of the same trace.
/// async fn total(trace: TraceContext) -> String {
///     let mut headers = HeaderMap::new();
///     trace.child().inject(&mut headers);
///     // client.get("http://prices.internal/").headers(headers) ..
///     format!("asked in {}", trace.trace_id())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

/// The id of a trace: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// The id of a step of a trace: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceContext {
    /// A new trace. It says that nobody records it.
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        Self {
            trace_id: (u128::from(random()) << 64) | u128::from(random()),
            parent_id: random(),
            flags: RANDOM,
            state: None,
        }
    }

    /// That of the caller: of `traceparent`, and of `tracestate` if it can be read. None if there is no `traceparent`, if
    /// there are two, or if it is malformed.
    pub fn extract(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(&TRACEPARENT).into_iter();
        let parent = parents.next()?.to_str().ok()?;
        if parents.next().is_some() {
            return None;
        }
        let mut trace = Self::parse(parent)?;
        let states = headers.get_all(&TRACESTATE).into_iter();
        trace.state = state::read(states.map(HeaderValue::as_bytes));
        Some(trace)
    }

    /// Reads a `traceparent`; none if it is malformed.
    ///
    /// ```
    /// # use chassis::TraceContext;
    /// let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let trace = TraceContext::parse(sent).unwrap();
    /// assert_eq!(trace.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    /// assert!(trace.is_sampled());
    /// assert_eq!(trace.to_string(), sent);
    /// ```
    pub fn parse(traceparent: &str) -> Option<Self> {
        /// So many bytes, which may be digits.
        fn digits<const N: usize>(fields: &[u8; LENGTH], from: usize) -> Option<u64> {
            digits::read::<N>(*fields[from..].first_chunk()?)
        }
        let (fields, rest) = traceparent.as_bytes().split_first_chunk()?;
        if [2, 35, 52].iter().any(|&dash| fields[dash] != b'-') {
            return None;
        }
        let version = digits::<2>(fields, 0)?;
        // Later versions may say more, behind a further dash; what we know of them is in the same places.
        let is_of_version = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|&next| next == b'-'),
        };
        let (high, low) = (digits::<16>(fields, 3)?, digits::<16>(fields, 19)?);
        let trace_id = (u128::from(high) << 64) | u128::from(low);
        let parent_id = digits::<16>(fields, 36)?;
        let flags = u8::try_from(digits::<2>(fields, 53)?).ok()?;
        (is_of_version && trace_id != 0 && parent_id != 0).then_some(Self {
            trace_id,
            parent_id,
            flags: flags & (SAMPLED | RANDOM),
            state: None,
        })
    }

    /// Of these two values, where they have come without headers.
    pub(crate) fn of_texts(traceparent: &str, tracestate: &str) -> Option<Self> {
        let mut trace = Self::parse(traceparent)?;
        trace.state = state::read([tracestate.as_bytes()].into_iter());
        Some(trace)
    }

    /// The caller's, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::extract(headers).unwrap_or_else(Self::new)
    }

    /// The id of the whole trace.
    pub fn trace_id(&self) -> TraceId {
        TraceId(self.trace_id)
    }

    /// The id of the step that this one is part of: the caller's.
    pub fn parent_id(&self) -> SpanId {
        SpanId(self.parent_id)
    }

    /// Whether the caller records what it does.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// What systems of tracing have written into it, as in `tracestate`; empty if none has.
    pub fn state(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }

    /// For a call to somebody else: the same trace, with an id of its own for this step.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            parent_id: step(),
            ..self.clone()
        }
    }

    /// The value of `traceparent`.
    pub fn traceparent(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.text()).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The same as bytes, digit by digit: `fmt` takes three times as long.
    fn text(&self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let trace_id = digits::written(self.trace_id.to_be_bytes());
        let parent_id = digits::written(self.parent_id.to_be_bytes());
        text[3..35].copy_from_slice(trace_id.as_flattened());
        text[36..52].copy_from_slice(parent_id.as_flattened());
        text[53..55].copy_from_slice(digits::written([self.flags]).as_flattened());
        text
    }

    /// Writes `traceparent` and `tracestate` into the headers of a request, in place of what they say.
    pub fn inject(&self, headers: &mut HeaderMap) {
        headers.insert(&TRACEPARENT, self.traceparent());
        match HeaderValue::from_str(self.state()) {
            Ok(state) if !state.is_empty() => _ = headers.insert(&TRACESTATE, state),
            _ => _ = headers.remove(&TRACESTATE),
        }
    }
}

/// As in `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How long a `traceparent` is.
const LENGTH: usize = 55;

/// Any number but 0: a keyed hash, with another key each time.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8).max(1)
}

/// The same for the steps of traces, of which there are many: each thread goes on from a random start of its own.
fn step() -> u64 {
    thread_local! {
        static SEED: u64 = random();
        static LAST: Cell<u64> = const { Cell::new(0) };
    }
    let number = LAST.get().wrapping_add(1);
    LAST.set(number);
    SEED.with(|&seed| scrambled(seed, number)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(parents: &[&str], states: &[&str]) -> HeaderMap {
        let parents = parents.iter().map(|value| (&TRACEPARENT, value));
        let all = parents.chain(states.iter().map(|value| (&TRACESTATE, value)));
        all.map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn what_is_malformed_is_no_trace() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let malformed = [
            String::new(),
            SENT[..54].to_owned(),
            format!("{SENT}0"),
            format!("{SENT}-"),
            SENT.to_uppercase(),
            SENT.replace('-', "_"),
            SENT.replacen("00", "ff", 1),
            SENT.replacen("00", "0x", 1),
            SENT.replace(id, &"0".repeat(32)),
            SENT.replace("b7ad6b7169203331", "0000000000000000"),
            SENT.replace("-01", "-0g"),
            format!("01{}x", &SENT[2..]),
            format!(" {}", &SENT[1..]),
        ];
        for text in malformed {
            assert_eq!(TraceContext::parse(&text), None, "{text}");
        }
        assert!(TraceContext::extract(&headers(&[SENT, SENT], &[])).is_none());
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        for text in [
            format!("cc{}", &SENT[2..]),
            format!("01{}-more", &SENT[2..]),
        ] {
            assert_eq!(TraceContext::parse(&text).unwrap().to_string(), SENT);
        }
        let trace = TraceContext::parse(&SENT.replace("-01", "-fe")).unwrap();
        assert!(!trace.is_sampled() && trace.to_string().ends_with("-02"));
    }

    #[test]
    fn a_child_belongs_to_the_same_trace() {
        let caller = TraceContext::extract(&headers(&[SENT], &["a=1", " ,b@c=2 "])).unwrap();
        assert_eq!(caller.state(), "a=1,b@c=2");
        let child = caller.child();
        assert_eq!(child.trace_id(), caller.trace_id());
        assert_ne!(child.parent_id(), caller.parent_id());
        let mut out = headers(&["old"], &["old=1", "older=1"]);
        child.inject(&mut out);
        assert_eq!(TraceContext::extract(&out), Some(child));
        TraceContext::new().inject(&mut out);
        assert_eq!(out.len(), 1, "the state of another trace is gone");
        assert_ne!(TraceContext::new(), TraceContext::new());
    }

    proptest! {
        #[test]
        fn what_is_printed_can_be_parsed(trace_id in 1..u128::MAX, parent_id in 1..u64::MAX, flags in 0..4_u8) {
            let trace = TraceContext { trace_id, parent_id, flags, state: None };
            prop_assert_eq!(TraceContext::parse(&trace.to_string()), Some(trace));
        }

        #[test]
        fn what_can_be_parsed_is_printed_so(text in "(00|01|[0-9a-f]{2})-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3](-x)?") {
            if let Some(trace) = TraceContext::parse(&text) {
                prop_assert_eq!(&trace.to_string()[2..], &text[2..55]);
            }
        }

        #[test]
        fn nothing_panics(text in any::<String>(), state in any::<Vec<u8>>()) {
            TraceContext::parse(&text);
            state::read([&state[..]].into_iter());
        }
    }
}
