//! `security-headers`: who may show an answer in a frame, and what other sites are told.

use super::{Row, Sees, Tells, one_of, story::Story};
use crate::client::Answer;
use chassis_security_headers::SecurityHeaders;
use serde_json::json;

pub(super) const ROW: Row = Row {
    name: "security-headers",
    with: |builder| builder.plugin::<SecurityHeaders>(),
    a: |_| json!({"frame_options": "DENY", "referrer_policy": "no-referrer"}),
    b: |_| json!({"frame_options": "SAMEORIGIN", "referrer_policy": "same-origin"}),
    path: &["/", "/nowhere"],
    carries: &[],
    tells: Tells::Answers(sees),
};

fn sees(answer: &Answer) -> Result<Sees, String> {
    let told = [
        "x-frame-options",
        "referrer-policy",
        "x-content-type-options",
    ]
    .map(|name| answer.header(name));
    let a = told == [Some("DENY"), Some("no-referrer"), Some("nosniff")];
    let b = told == [Some("SAMEORIGIN"), Some("same-origin"), Some("nosniff")];
    one_of(a, b, told == [None; 3], answer)
}

/// It depends on nothing that can fail: what it writes is made of its settings, when it is built.
pub(super) async fn breaks(_: &mut Story) {}
