//! The plugin, seen from outside.

use super::*;
use chassis::{
    Body,
    axum::Extension,
    testing::{TestChassis, TestResponse},
};
use std::time::Duration;

/// Answers in several ways.
#[plugin]
async fn answers(cx: &mut PluginContext) -> Result<()> {
    cx.get("/id", async |Extension(id): Extension<CorrelationId>| {
        id.as_str().to_owned()
    });
    cx.get("/header", async |headers: HeaderMap| {
        let header = headers
            .get("x-correlation-id")
            .and_then(|id| id.to_str().ok());
        header.unwrap_or_default().to_owned()
    });
    cx.get("/error", async || Error::msg("no"));
    cx.get("/panic", async || -> &'static str { panic!("no") });
    cx.get("/slow", async || {
        tokio::time::sleep(Duration::from_millis(250)).await;
    });
    Ok(())
}

async fn start() -> TestChassis {
    TestChassis::with::<RequestTracing>()
        .plugin::<answers>()
        .start()
        .await
        .unwrap()
}

async fn get_as(app: &TestChassis, path: &str, id: &str) -> TestResponse {
    let request = chassis::axum::http::Request::get(path).header("X-Correlation-ID", id);
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_callers_id_goes_to_the_handler_and_back() {
    let app = start().await;
    for path in ["/id", "/header"] {
        let answer = get_as(&app, path, "order-7.b_2").await;
        assert_eq!(answer.text(), "order-7.b_2");
        assert_eq!(answer.header("X-Correlation-ID"), Some("order-7.b_2"));
    }
}

#[tokio::test]
async fn without_one_the_request_id_is_taken() {
    let app = start().await;
    for path in ["/id", "/header"] {
        let answer = app.get(path).await;
        assert_eq!(
            answer.header("X-Correlation-ID"),
            answer.header("X-Request-Id")
        );
        assert_eq!(answer.header("X-Correlation-ID"), Some(answer.text()));
    }
}

#[tokio::test]
async fn an_id_that_is_no_plain_token_is_not_passed_on() {
    let app = start().await;
    for id in ["", "a b", "a\"b", "<script>", &"a".repeat(65)] {
        let answer = get_as(&app, "/header", id).await;
        assert_ne!(answer.text(), id);
        assert_eq!(answer.header("X-Correlation-ID"), Some(answer.text()));
    }
}

#[tokio::test]
async fn every_answer_has_both_headers() {
    let app = start().await;
    for (path, status) in [
        ("/id", 200),
        ("/nowhere", 404),
        ("/error", 500),
        ("/panic", 500),
    ] {
        let answer = get_as(&app, path, "seven").await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.header("X-Correlation-ID"), Some("seven"), "{path}");
        assert!(answer.header("X-Processing-Time").is_some(), "{path}");
    }
    let refused = app.request(Method::DELETE, "/id").await;
    assert_eq!(refused.status(), 405);
    assert!(refused.header("X-Correlation-ID").is_some());
}

#[tokio::test(start_paused = true)]
async fn the_time_is_in_milliseconds() {
    let app = start().await;
    let took: f64 = app
        .get("/slow")
        .await
        .header("X-Processing-Time")
        .unwrap()
        .parse()
        .unwrap();
    assert!((250.0..260.0).contains(&took), "{took}");
}

#[tokio::test]
async fn the_headers_can_be_renamed() {
    let app = TestChassis::with::<RequestTracing>().config(
        "plugins: {request-tracing: {config: {correlation_header: X-Request-Id, timing_header: Took}}}",
    );
    let app = app.start().await.unwrap();
    let answer = app.get("/nowhere").await;
    assert!(
        answer.header("X-Correlation-ID").is_none() && answer.header("X-Processing-Time").is_none()
    );
    assert!(answer.header("X-Request-Id").is_some() && answer.header("Took").is_some());
}

#[tokio::test]
async fn wrong_header_names_are_told_by_their_keys() {
    for (correlation, timing, named) in [
        ("a b", "é", "correlation_header"),
        ("a b", "é", "timing_header"),
        ("Content-Length", "T", "correlation_header"),
        ("Same", "same", "timing_header"),
    ] {
        let app = TestChassis::with::<RequestTracing>()
            .set(
                "plugins.request-tracing.config.correlation_header",
                correlation,
            )
            .set("plugins.request-tracing.config.timing_header", timing);
        let error = app.start_error().await.report();
        let key = format!("`plugins.request-tracing.config.{named}`");
        assert!(error.contains(&key), "{error}");
    }
}
