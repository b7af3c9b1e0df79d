//! The plugin, seen from outside.

use super::*;
use chassis::{
    Body, Outcome, PluginState,
    axum::{Router, body::Bytes, http::Request, routing},
    testing::{TestBuilder, TestChassis, TestResponse},
};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use std::{convert::Infallible, io::Write as _};
use tokio::time::Instant;

/// Takes as long as it is asked to, at several routes; and notes what hooks see on the way out.
#[plugin]
async fn shop(cx: &mut PluginContext) -> Result<()> {
    async fn slow(Query(query): Query<Wait>) -> &'static str {
        tokio::time::sleep(Duration::from_secs(query.s)).await;
        "done"
    }
    cx.get("/orders/{id}", slow);
    cx.post("/orders/{id}", slow);
    cx.get("/reports/{year}/sales", slow);
    cx.get("/products", slow);
    cx.post("/uploads/{name}", async |body: Bytes| {
        body.len().to_string()
    });
    cx.get("/ticks", async || {
        let ticks = stream::iter(0..5).then(async |_| {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Infallible>("tick\n")
        });
        Body::from_stream(ticks)
    });
    cx.router(Router::new().route("/mounted/slow", routing::get(slow_mounted)));
    cx.filter(&points::POST_RESPONSE, |exchange: &mut Exchange| {
        if exchange.outcome() == Outcome::Deadline {
            let headers = exchange.response_headers_mut();
            headers.insert("x-seen", HeaderValue::from_static("yes"));
        }
    });
    Ok(())
}

async fn slow_mounted() -> &'static str {
    tokio::time::sleep(Duration::from_secs(20)).await;
    "done"
}

#[derive(Deserialize, JsonSchema)]
struct Wait {
    s: u64,
}

fn service(timeouts: &str) -> TestBuilder {
    TestChassis::with::<Timeout>()
        .plugin::<shop>()
        .config(format!(
            "plugins: {{timeout: {{config: {{timeouts: {timeouts}}}}}}}\n"
        ))
}

async fn start(timeouts: &str) -> TestChassis {
    service(timeouts).start().await.unwrap()
}

/// The status, and after how many seconds.
async fn asked(app: &TestChassis, method: &str, path: &str) -> (u16, u64) {
    let since = Instant::now();
    let request = Request::builder().method(method).uri(path);
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    (answer.status().as_u16(), since.elapsed().as_secs())
}

async fn get(app: &TestChassis, path: &str) -> (u16, u64) {
    asked(app, "GET", path).await
}

/// A body that comes in so many parts, one a second.
async fn upload(app: &TestChassis, path: &str, seconds: u64) -> TestResponse {
    let parts = stream::iter(0..seconds).then(async |_| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, Infallible>("x")
    });
    let request = Request::post(path).body(Body::from_stream(parts));
    app.send(request.unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn a_route_has_the_time_that_is_said_of_it() {
    let app = start(
        "[{routes: ['POST /orders/{id}'], timeout: 2s}, {routes: [/orders/**, /products], timeout: 5s}, {routes: ['/reports/**'], timeout: 10m}]",
    )
    .await;
    assert_eq!(get(&app, "/orders/7?s=4").await, (200, 4));
    assert_eq!(get(&app, "/orders/7?s=6").await, (504, 5));
    assert_eq!(asked(&app, "POST", "/orders/7?s=4").await, (504, 2));
    assert_eq!(get(&app, "/products?s=6").await, (504, 5));
    // Longer than `server.request_timeout`, which holds for all others.
    assert_eq!(get(&app, "/reports/2026/sales?s=599").await, (200, 599));
    assert_eq!(get(&app, "/reports/2026/sales?s=601").await, (504, 600));
    assert_eq!(get(&app, "/mounted/slow").await, (200, 20));
    assert_eq!(app.state("timeout"), PluginState::Running);
}

#[tokio::test(start_paused = true)]
async fn the_answer_says_where_the_time_is_set() {
    let app =
        start("[{routes: [/products], timeout: 50ms}, {routes: [/orders/**], timeout: 1s}]").await;
    for (path, took, setting) in [
        (
            "/products?s=60",
            "50ms",
            "plugins.timeout.config.timeouts[0].timeout",
        ),
        (
            "/orders/7?s=60",
            "1s",
            "plugins.timeout.config.timeouts[1].timeout",
        ),
        ("/reports/1/sales?s=60", "30s", "server.request_timeout"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), 504, "{path}");
        assert_eq!(
            answer.header("x-seen"),
            Some("yes"),
            "hooks see it on its way out"
        );
        assert_eq!(answer.header("retry-after"), None);
        let problem: Value = answer.json();
        assert_eq!(problem["code"], "deadline");
        assert_eq!(
            problem["detail"],
            format!("the request took longer than {took}")
        );
        assert_eq!(
            problem["help"],
            format!("`{setting}` sets how long it may take")
        );
    }
    let report = app.handle().plugin("timeout").unwrap();
    assert_eq!(report.roles, ["middleware"]);
    let told = report.contributions.iter();
    let told = told.map(|one| (&*one.handler, &*one.origin, one.stats.timeouts));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (
                "/products in 50ms",
                "plugins.timeout.config.timeouts[0].timeout",
                1
            ),
            (
                "/orders/** in 1s",
                "plugins.timeout.config.timeouts[1].timeout",
                1
            ),
        ]
    );
    let metrics = app.metrics();
    for route in ["/products", "/orders/{id}", "/reports/{year}/sales"] {
        let line = format!("http_server_request_timeouts_total{{route=\"{route}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_request_may_take_as_long() {
    let app = start("[{routes: ['POST /uploads/**'], timeout: 10m}]").await;
    let answer = upload(&app, "/uploads/film", 590).await;
    assert_eq!((answer.status().as_u16(), answer.text()), (200, "590"));
    assert_eq!(upload(&app, "/uploads/film", 610).await.status(), 504);
    // Without, that is cut off after half a minute.
    let app = start("[]").await;
    assert_eq!(upload(&app, "/uploads/film", 31).await.status(), 504);
}

#[tokio::test(start_paused = true)]
async fn the_body_of_an_answer_may_take_longer() {
    let app = start("[{routes: [/**], timeout: 1s}]").await;
    let answer = app.get("/ticks").await;
    assert_eq!((answer.status().as_u16(), answer.text().len()), (200, 25));
}

#[tokio::test(start_paused = true)]
async fn where_no_route_is_declared_paths_are_compared() {
    let app =
        start("[{routes: ['GET /mounted/{what}'], timeout: 3s}, {routes: [/**], timeout: 25s}]")
            .await;
    assert_eq!(get(&app, "/mounted/slow").await, (504, 3));
    assert_eq!(get(&app, "/orders/7?s=26").await, (504, 25));
    assert_eq!(get(&app, "/nowhere").await, (404, 0));
    // Whoever asks whether the service is well is not cut off.
    assert_eq!(get(&app, "/livez").await.0, 200);
    let metrics = app.metrics();
    assert!(metrics.contains("http_server_request_timeouts_total{route=\"mounted\"} 1"));
}

#[tokio::test(start_paused = true)]
async fn without_it_the_time_of_the_service_holds() {
    let yaml =
        "plugins: {timeout: {enabled: false, config: {timeouts: [{routes: [/**], timeout: 1s}]}}}";
    let app = TestChassis::with::<Timeout>().plugin::<shop>().config(yaml);
    let app = app.start().await.unwrap();
    assert_eq!(get(&app, "/products?s=29").await, (200, 29));
    assert_eq!(get(&app, "/products?s=31").await, (504, 30));
    assert!(
        !app.metrics()
            .contains("request_timeouts_total{route=\"none\"")
    );
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_the_time_of_requests_from_then_on() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut write = |timeout: &str| {
        let yaml = format!(
            "plugins: {{timeout: {{config: {{timeouts: [{{routes: [/products], timeout: {timeout}}}]}}}}}}\n"
        );
        file.as_file_mut().set_len(0).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        file.write_all(yaml.as_bytes()).unwrap();
        file.path().to_owned()
    };
    let path = write("20s");
    let app = TestChassis::with::<Timeout>()
        .plugin::<shop>()
        .config_file(path);
    let app = std::sync::Arc::new(app.start().await.unwrap());
    let before = tokio::spawn({
        let app = Arc::clone(&app);
        async move { get(&app, "/products?s=15").await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    write("5s");
    app.reload().await.unwrap();
    // Who came before keeps the time that he was given.
    let (after, before) = tokio::join!(get(&app, "/products?s=15"), before);
    assert_eq!((after, before.unwrap()), ((504, 5), (200, 15)));
    write("0s");
    assert!(app.reload().await.is_err());
    assert_eq!(get(&app, "/products?s=15").await, (504, 5));
}

#[tokio::test]
async fn every_mistake_is_told_with_its_place() {
    for (timeouts, at, told) in [
        (
            "[{routes: [/a], timeout: 25h}]",
            "[0].timeout",
            "1ms to 24h",
        ),
        ("[{routes: [/a], timeout: 0s}]", "[0].timeout", "1ms to 24h"),
        (
            "[{routes: [/a], timeout: 5}]",
            "[0].timeout",
            "`5` has no unit",
        ),
        ("[{routes: [], timeout: 5s}]", "[0].routes", "1"),
        ("[{timeout: 5s}]", "[0]", "routes"),
        ("[{routes: [/a]}]", "[0]", "timeout"),
        ("[{routes: [a], timeout: 5s}]", "[0].routes[0]", "/"),
        (
            "[{routes: [/a], timeout: 5s}, {routes: [/b, /a], timeout: 6s}]",
            "[1].routes[1]",
            "`/a` stands in `timeouts[0].routes[0]` already",
        ),
        (
            "[{routes: [/**], timeout: 5s}, {routes: ['POST /b'], timeout: 6s}]",
            "[1].routes[0]",
            "`/**` in `timeouts[0].routes[0]` is for `POST /b` as well",
        ),
        (
            "[{route: [/a], timeout: 5s}]",
            "[0]",
            "did you mean `routes`?",
        ),
    ] {
        let report = service(timeouts).start_error().await.report();
        let place = format!("plugins.timeout.config.timeouts{at}");
        assert!(
            report.contains(&place) && report.contains(told),
            "{timeouts}:\n{report}"
        );
        assert!(report.contains("test.yaml:1:"), "{report}");
    }
}

#[test]
fn a_pattern_is_for_all_that_another_is_for() {
    let is = |one: &str, other: &str| covers(&one.parse().unwrap(), &other.parse().unwrap());
    assert!(is("/**", "/a") && is("/**", "GET /a/**") && is("/a/**", "/a"));
    assert!(is("/a/**", "/a/{id}") && is("GET /a", "GET /a") && is("/a", "GET /a"));
    assert!(is("/a/**", "/a/**") && is("/a/{id}", "/a/{name}") && is("/**", "/**"));
    assert!(!is("GET /a", "/a") && !is("/a/**", "/ab") && !is("/a/**", "/**"));
    assert!(!is("GET /**", "POST /a") && !is("/a", "/a/**") && !is("/a/{id}", "/a/**"));
}
