//! `timeout`: how long a request may take that takes a second.

use super::{
    Row, Sees, Tells, one_of,
    story::{PAGE, Story},
};
use crate::client::Answer;
use chassis_timeout::Timeout;
use serde_json::{Value, json};

pub(super) const ROW: Row = Row {
    name: "timeout",
    with: |builder| builder.plugin::<Timeout>(),
    a: |_| after("10ms"),
    b: |_| after("20ms"),
    path: &["/late"],
    carries: &[],
    tells: Tells::Answers(sees),
};

fn after(time: &str) -> Value {
    json!({"timeouts": [{"routes": ["/late"], "timeout": time}]})
}

fn sees(answer: &Answer) -> Result<Sees, String> {
    let is_cut_off = |time: &str| {
        answer.status == 504
            && answer.json()["code"] == "deadline"
            && answer.text().contains(&format!("longer than {time}"))
    };
    let off = answer.status == 200 && answer.text() == PAGE;
    one_of(is_cut_off("10ms"), is_cut_off("20ms"), off, answer)
}

/// It depends on nothing that can fail: its times are a part of the routes.
pub(super) async fn breaks(_: &mut Story) {}
