//! `cors`: which headers pages of another origin may read.

use super::{Row, Sees, Tells, one_of, story::Story};
use crate::client::Answer;
use chassis_cors::Cors;
use serde_json::{Value, json};

pub(super) const ROW: Row = Row {
    name: "cors",
    with: |builder| builder.plugin::<Cors>(),
    a: |_| policy("X-A", true),
    b: |_| policy("X-B", false),
    path: &["/", "/nowhere"],
    carries: &[("origin", ORIGIN)],
    tells: Tells::Answers(sees),
};

const ORIGIN: &str = "https://app.example.com";

fn policy(expose: &str, credentials: bool) -> Value {
    json!({"policies": [{"origins": [ORIGIN], "expose": [expose], "credentials": credentials}]})
}

fn sees(answer: &Answer) -> Result<Sees, String> {
    let says = |what: &str| answer.header(&format!("access-control-{what}"));
    let is_let_in = says("allow-origin") == Some(ORIGIN) && answer.header("vary") == Some("Origin");
    let (exposed, credentials) = (says("expose-headers"), says("allow-credentials"));
    let a = is_let_in && exposed == Some("X-A") && credentials == Some("true");
    let b = is_let_in && exposed == Some("X-B") && credentials.is_none();
    let is_silent = ["allow-origin", "expose-headers", "allow-credentials"]
        .into_iter()
        .all(|what| says(what).is_none());
    one_of(a, b, is_silent && answer.header("vary").is_none(), answer)
}

/// It depends on nothing that can fail: whom it lets in stands in its settings. Where it is gone, pages of other origins are kept away.
pub(super) async fn breaks(story: &mut Story) {
    let ask = "origin: https://app.example.com\r\naccess-control-request-method: PUT\r\n";
    let preflight = story.send("OPTIONS", "/", ask).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").is_some());
    story.post("disable", Sees::Off).await;
    let preflight = story.send("OPTIONS", "/", ask).await;
    assert_eq!(preflight.header("access-control-allow-origin"), None);
    story.post("enable", Sees::A).await;
}
