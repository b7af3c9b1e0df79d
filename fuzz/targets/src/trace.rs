//! What a caller may send for `traceparent` and `tracestate`.

use chassis::TraceContext;
use http::{HeaderMap, HeaderName, HeaderValue};

/// What is read of it is well-formed, bounded, and handed on as it was read. A line is a header: `p` and a
/// `traceparent`, or anything else and a `tracestate`.
pub fn trace(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Some((kind, value)) = line.split_first() else {
            continue;
        };
        let name = match kind {
            b'p' => HeaderName::from_static("traceparent"),
            _ => HeaderName::from_static("tracestate"),
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let Some(trace) = TraceContext::extract(&headers) else {
        return;
    };
    let mut handed_on = HeaderMap::new();
    trace.inject(&mut handed_on);
    assert_eq!(TraceContext::extract(&handed_on).as_ref(), Some(&trace));
    assert_eq!(
        TraceContext::parse(&trace.to_string()).map(|read| read.trace_id()),
        Some(trace.trace_id())
    );
    assert_eq!(trace.to_string().len(), 55);
    assert!(trace.state().len() <= 512);
    assert!(trace.state().split(',').count() <= 32);
    let child = trace.child();
    assert_eq!(
        (child.trace_id(), child.state()),
        (trace.trace_id(), trace.state())
    );
}
