//! `Server-Timing`: what takes how long in a request, for whoever has a token of operators.

use crate::{
    client::{self, Raw, start},
    made::plugin,
};
use chassis::{Body, prelude::*, testing::TestChassis};
use http::Request;
use std::{fs, time::Duration};
use tempfile::TempDir;
use tokio::time::sleep;
use tower::timeout::TimeoutLayer;

const TOKEN: &str = "0123456789abcdef";

fn tokens() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    fs::write(&file, TOKEN).unwrap();
    let path = file.display().to_string();
    (folder, path)
}

/// Each takes another time, so that one can be told from the other.
fn slow(cx: &mut PluginContext) {
    cx.filter_async(&points::PRE_REQUEST, async |_: &mut Exchange| {
        sleep(Duration::from_millis(1)).await;
    });
    cx.filter_async(&points::POST_RESPONSE, async |_: &mut Exchange| {
        sleep(Duration::from_millis(2)).await;
    });
    cx.around(async |request: Request<Body>, next: Next<'_>| {
        sleep(Duration::from_millis(4)).await;
        next.run(request).await
    })
    .priority(1);
    cx.layer(TimeoutLayer::new(Duration::from_secs(1)))
        .priority(2);
    cx.filter(&points::POST_RESPONSE, |_: &mut Exchange| {})
        .priority(3);
    cx.get("/slow/{id}", async |Path(_): Path<u32>| {
        sleep(Duration::from_millis(8)).await;
        ([("server-timing", "own;dur=1")], "slow")
    });
    cx.get("/seen", async |headers: HeaderMap| {
        headers.contains_key("x-chassis-timing").to_string()
    });
}

fn asking(path: &str, token: &str) -> Request<Body> {
    let request = Request::get(path).header("x-chassis-timing", token);
    request.body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_has_a_token_is_told_what_takes_how_long() {
    let (_folder, file) = tokens();
    let app = TestChassis::builder()
        .register(plugin("slow", slow))
        .set("management.token_file", file)
        .start()
        .await
        .unwrap();
    let answer = app.send(asking("/slow/7", TOKEN)).await;
    assert_eq!(answer.text(), "slow");
    let told: Vec<&str> = answer
        .headers()
        .get_all("server-timing")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    let [own, told] = told[..] else {
        panic!("{told:?}")
    };
    // What the handler itself has said stays.
    assert_eq!(own, "own;dur=1");
    let mut told: Vec<(&str, f64)> = told
        .split(", ")
        .map(|one| one.rsplit_once(";dur=").unwrap())
        .map(|(what, took)| (what, took.parse::<f64>().unwrap().floor()))
        .collect();
    let (total, took) = told.remove(0);
    assert!(total == "total" && took >= 15.0, "{total} {took}");
    let (names, took): (Vec<&str>, Vec<f64>) = told.into_iter().unzip();
    assert_eq!(
        names,
        [
            r#"slow;desc="middleware.pre_request""#,
            r#"slow;desc="GET /slow/{id}""#,
            r#"slow;desc="middleware.post_response""#,
            // These two hold what is inside them.
            r#"slow;desc="http.layers""#,
            r#"slow;desc="middleware.around""#,
            r#"slow;desc="middleware.post_response""#,
        ]
    );
    for (took, least) in took.iter().zip([1.0, 8.0, 0.0, 8.0, 12.0, 2.0]) {
        assert!(
            *took >= least && *took <= least + 6.0,
            "{took:?} for {least}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_else_is_told_and_no_plugin_sees_the_token() {
    let (_folder, file) = tokens();
    let app = TestChassis::builder().register(plugin("slow", slow));
    let app = app
        .set("management.token_file", file)
        .start()
        .await
        .unwrap();
    for request in [
        asking("/seen", "fedcba9876543210"),
        asking("/seen", ""),
        Request::get("/seen").body(Body::empty()).unwrap(),
    ] {
        let answer = app.send(request).await;
        assert_eq!(answer.header("server-timing"), None);
        assert_eq!(answer.text(), "false");
    }
    assert_eq!(app.send(asking("/seen", TOKEN)).await.text(), "false");
    assert!(
        app.send(asking("/nowhere", TOKEN))
            .await
            .header("server-timing")
            .is_some()
    );

    // Without tokens the header means nothing, and is somebody else's.
    let app = TestChassis::builder()
        .register(plugin("slow", slow))
        .start()
        .await
        .unwrap();
    let answer = app.send(asking("/seen", TOKEN)).await;
    assert_eq!(
        (answer.header("server-timing"), answer.text()),
        (None, "true")
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cut_off_is_told_of_too() {
    let (_folder, file) = tokens();
    let hang = plugin("hang", |cx| {
        cx.get("/", async || std::future::pending::<()>().await);
        cx.filter(&points::POST_RESPONSE, |_: &mut Exchange| {});
    });
    let app = TestChassis::builder()
        .register(hang)
        .set("management.token_file", file);
    let app = app.start().await.unwrap();
    let answer = app.send(asking("/", TOKEN)).await;
    assert_eq!(answer.status(), 504);
    let told = answer.header("server-timing").unwrap();
    assert!(
        told.starts_with("total;dur=30000") && told.contains("post_response"),
        "{told}"
    );
}

#[tokio::test]
async fn it_is_told_over_a_real_connection() {
    let (_folder, file) = tokens();
    let hello = plugin("hello", |cx| {
        cx.get("/", async || "hello");
    });
    let running = start(client::service([hello]).set("management.token_file", file)).await;
    let mut raw = Raw::connect(running.service_address()).await;
    let ask =
        |token: &str| format!("GET / HTTP/1.1\r\nhost: test\r\nx-chassis-timing: {token}\r\n\r\n");
    raw.send(ask(TOKEN)).await;
    let answer = raw.answer().await;
    let told = answer.header("server-timing").expect("it is told");
    assert!(told.contains(r#"hello;desc="GET /""#), "{told}");
    raw.send(ask("guess-0123456789")).await;
    assert_eq!(raw.answer().await.header("server-timing"), None);
    running.stop().await;
}
