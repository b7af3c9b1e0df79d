//! The plugin, seen from outside.

use super::*;
use chassis::{
    Body,
    axum::Extension,
    testing::{TestChassis, TestResponse},
};
use std::{
    io::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tracing::subscriber::DefaultGuard;

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
        for id in ["order-7.b_2", "Root=1-67891233/3;x", &"a".repeat(128)] {
            let answer = get_as(&app, path, id).await;
            assert_eq!(answer.text(), id);
            assert_eq!(answer.header("X-Correlation-ID"), Some(id));
        }
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
async fn an_id_that_is_not_visible_or_too_long_is_not_passed_on() {
    let app = start().await;
    for id in ["", "a b", "a\tb", "\u{e9}", &"a".repeat(129)] {
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

/// The log of this thread, as JSON.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn keep() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(move || writer.clone());
        (log, tracing::subscriber::set_default(subscriber.finish()))
    }

    /// The lines of the access log.
    fn lines(&self) -> Vec<serde_json::Value> {
        let log = self.0.lock().unwrap();
        let lines = log
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        let lines = lines.map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap());
        let mut lines: Vec<_> = lines
            .filter(|line| line["target"] == "chassis_request_tracing")
            .map(|line| line["fields"].clone())
            .collect();
        for line in &mut lines {
            assert!(line["took_ms"].as_f64().is_some(), "{line}");
            line.as_object_mut().unwrap().remove("took_ms");
        }
        lines
    }
}

/// Answers at a path with a secret in it.
#[plugin]
async fn secrets(cx: &mut PluginContext) -> Result<()> {
    cx.get("/invitations/{token}", async || "welcome");
    Ok(())
}

async fn with(settings: &str) -> TestChassis {
    let config = format!("plugins: {{request-tracing: {{config: {{{settings}}}}}}}");
    TestChassis::with::<RequestTracing>()
        .plugin::<answers>()
        .plugin::<secrets>()
        .config(&config)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn the_access_log_names_the_route_as_it_was_declared() {
    let (log, _keeping) = Log::keep();
    let app = with("").await;
    get_as(&app, "/invitations/hunter2", "seven").await;
    get_as(&app, "/nowhere", "eight").await;
    let line = |id: &str, status: u16| {
        serde_json::json!({
            "message": "answered",
            "method": "GET",
            "status": status,
            "client": "127.0.0.1",
            "correlation_id": id,
        })
    };
    let mut known = line("seven", 200);
    known["route"] = "/invitations/{token}".into();
    known["plugin"] = "secrets".into();
    assert_eq!(log.lines(), [known, line("eight", 404)]);
}

#[tokio::test]
async fn a_sample_of_requests_is_logged_and_what_fails_in_any_case() {
    for (settings, some, all) in [
        ("access_log: false", 0..=0, 0),
        ("sample: 0.0", 0..=0, 2),
        ("sample: 0.25", 200..=300, 2),
        ("sample: 1.0", 1_000..=1_000, 2),
    ] {
        let (log, _keeping) = Log::keep();
        let app = with(settings).await;
        for number in 0..1_000 {
            get_as(&app, "/id", &format!("order-{number}")).await;
        }
        let logged = log.lines().len();
        assert!(some.contains(&logged), "{settings}: {logged}");
        get_as(&app, "/error", "order-1").await;
        get_as(&app, "/panic", "order-2").await;
        let failed = log.lines().into_iter().filter(|line| line["status"] == 500);
        assert_eq!(failed.count(), all, "{settings}");
    }
    let error = TestChassis::with::<RequestTracing>()
        .set("plugins.request-tracing.config.sample", 1.5)
        .start_error()
        .await
        .report();
    assert!(error.contains("it is 1.5; expected at most 1"), "{error}");
}

/// Keeps what is said of the spans of requests.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(String, String)>>>);

impl tracing::field::Visit for Spans {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let said = (field.name().to_owned(), format!("{value:?}"));
        self.0.lock().unwrap().push(said);
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Spans {
    fn on_record(
        &self,
        _: &tracing::span::Id,
        said: &tracing::span::Record<'_>,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        said.record(&mut self.clone());
    }
}

#[tokio::test]
async fn the_span_of_the_request_has_its_correlation_id() {
    use tracing_subscriber::layer::SubscriberExt as _;

    let spans = Spans::default();
    let subscriber = tracing_subscriber::registry().with(spans.clone());
    let _keeping = tracing::subscriber::set_default(subscriber);
    let app = with("").await;
    get_as(&app, "/invitations/hunter2", "seven").await;
    let said = spans.0.lock().unwrap().clone();
    let said: Vec<_> = said
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(said, [("correlation_id", "\"seven\"")]);
}

#[test]
fn times_are_milliseconds_with_three_digits() {
    for (nanos, told) in [
        (0, "0.000"),
        (499, "0.000"),
        (500, "0.001"),
        (7_000, "0.007"),
        (999_999, "1.000"),
        (12_345_678, "12.346"),
        (61_000_000_000, "61000.000"),
    ] {
        let took = super::micros(std::time::Duration::from_nanos(nanos));
        assert_eq!(super::millis(took).unwrap(), told);
    }
    assert!(super::millis(u64::MAX).is_ok());
}
