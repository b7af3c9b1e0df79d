//! `compression`: what answers are compressed with.

use super::{
    Row, Sees, Tells, one_of,
    story::{PAGE, Story},
};
use crate::client::Answer;
use chassis_compression::Compression;
use serde_json::json;

pub(super) const ROW: Row = Row {
    name: "compression",
    with: |builder| builder.plugin::<Compression>(),
    a: |_| json!({"algorithms": ["gzip"], "min_size": "1B"}),
    b: |_| json!({"algorithms": ["zstd"], "min_size": "1B"}),
    path: &["/"],
    carries: &[("accept-encoding", "gzip, zstd")],
    tells: Tells::Answers(sees),
};

/// How what they make begins (RFC 1952, 2.3.1; RFC 8878, 3.1.1).
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

fn sees(answer: &Answer) -> Result<Sees, String> {
    let encoding = answer.header("content-encoding");
    let varies = answer.header("vary").is_some();
    let a = encoding == Some("gzip") && varies && answer.body.starts_with(GZIP);
    let b = encoding == Some("zstd") && varies && answer.body.starts_with(ZSTD);
    let off = encoding.is_none() && !varies && answer.body == PAGE;
    one_of(a, b, off, answer)
}

/// It depends on nothing but memory, of which it takes no more than `max_open` says: what that is, its own tests show.
pub(super) async fn breaks(_: &mut Story) {}
