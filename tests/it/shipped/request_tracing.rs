//! `request-tracing`: the names of its headers.

use super::{Row, Sees, Tells, one_of, story::Story};
use crate::client::Answer;
use chassis_request_tracing::RequestTracing;
use serde_json::json;

pub(super) const ROW: Row = Row {
    name: "request-tracing",
    with: |builder| builder.plugin::<RequestTracing>(),
    a: |_| json!({"correlation_header": "X-Id-A", "timing_header": "X-Time-A"}),
    b: |_| json!({"correlation_header": "X-Id-B", "timing_header": "X-Time-B"}),
    path: &["/", "/nowhere"],
    carries: &[("x-id-a", "of-a"), ("x-id-b", "of-b")],
    tells: Tells::Answers(sees),
};

fn sees(answer: &Answer) -> Result<Sees, String> {
    let has = |name: &str| answer.header(name).is_some();
    let a = answer.header("x-id-a") == Some("of-a") && has("x-time-a");
    let b = answer.header("x-id-b") == Some("of-b") && has("x-time-b");
    let headers = ["x-id-a", "x-time-a", "x-id-b", "x-time-b"];
    one_of(a, b, !headers.into_iter().any(has), answer)
}

/// It depends on nothing that can fail: it has a clock, and a log that would rather lose a line than a request.
pub(super) async fn breaks(_: &mut Story) {}
