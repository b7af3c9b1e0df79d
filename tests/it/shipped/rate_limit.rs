//! `rate-limit`: the name of its limit, in its headers.

use super::{Row, Sees, Tells, one_of, story::Story};
use crate::client::Answer;
use chassis_rate_limit::RateLimit;
use serde_json::json;

pub(super) const ROW: Row = Row {
    name: "rate-limit",
    with: |builder| builder.plugin::<RateLimit>(),
    a: |_| json!({"limits": [{"name": "a", "rate": "10000/s"}]}),
    b: |_| json!({"limits": [{"name": "b", "rate": "20000/s"}]}),
    path: &["/", "/nowhere"],
    carries: &[],
    tells: Tells::Answers(sees),
};

fn sees(answer: &Answer) -> Result<Sees, String> {
    let policy = answer.header("ratelimit-policy");
    let state = answer.header("ratelimit").unwrap_or_default();
    let a = policy == Some(r#""a";q=10000;w=1"#) && state.starts_with(r#""a";"#);
    let b = policy == Some(r#""b";q=20000;w=1"#) && state.starts_with(r#""b";"#);
    one_of(a, b, policy.is_none() && state.is_empty(), answer)
}

/// It depends on whoever says who the caller is. Where nobody does, the client is counted, and nobody asks without limit; what is
/// used up stays so over a reload.
pub(super) async fn breaks(story: &mut Story) {
    let limit = json!({"name": "c", "by": "principal", "rate": "1/h", "burst": 2});
    let mut scarce = limit.clone();
    scarce["routes"] = json!(["/scarce"]);
    // What the load asks for has no limit then.
    story.patch(&json!({"limits": [scarce]}), Sees::Off).await;
    for left in ["1", "0"] {
        let answer = story.get("/scarce", "").await;
        assert_eq!(answer.status, 200);
        let state = answer.header("ratelimit").unwrap();
        assert!(state.starts_with(&format!(r#""c";r={left};"#)), "{state}");
    }
    story.post("reload", Sees::Off).await;
    let answer = story.get("/scarce", "").await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json()["code"], "rate_limit.exceeded");
    assert!(answer.header("retry-after").is_some());

    story.post("disable", Sees::Off).await;
    assert_eq!(story.get("/scarce", "").await.status, 200);
    story.post("enable", Sees::Off).await;
    story.unpatch(Sees::A).await;
}
