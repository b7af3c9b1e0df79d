//! The plugin, seen from outside.

use super::*;
use chassis::{
    AuthQuestion, Authentication, Body, PluginState,
    axum::http::Request,
    testing::{TestBuilder, TestChassis, TestResponse},
};
use serde_json::Value;
use std::time::Duration;

mod reloads;
mod settings;

/// Answers, to all and to those who are known.
#[plugin]
async fn shop(cx: &mut PluginContext) -> Result<()> {
    cx.get("/orders/{id}", async || "an order");
    cx.get("/products", async || "tea");
    cx.get("/me", async |caller: Principal| caller.subject)
        .scopes(Vec::<String>::new());
    // Whoever says a name is believed.
    cx.call(&points::AUTHENTICATE, async |question: &AuthQuestion| {
        let name = question.bearer();
        name.map(|name| Authentication::from(Principal::new(name)))
    });
    Ok(())
}

fn service(config: &str) -> TestBuilder {
    TestChassis::with::<RateLimit>()
        .plugin::<shop>()
        .config(format!(
            "server: {{trusted_proxies: [127.0.0.0/8]}}\nplugins: {{rate-limit: {{config: {config}}}}}\n"
        ))
}

async fn start(config: &str) -> TestChassis {
    service(config).start().await.unwrap()
}

/// `GET` with headers.
async fn get(app: &TestChassis, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let request = Request::get(path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    app.send(request.body(Body::empty()).unwrap()).await
}

/// The status, from a client of this address.
async fn from(app: &TestChassis, address: &str, path: &str) -> u16 {
    let answer = get(app, path, &[("x-forwarded-for", address)]).await;
    answer.status().as_u16()
}

fn all<'a>(answer: &'a TestResponse, name: &str) -> Vec<&'a str> {
    let values = answer.headers().get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let app = start("{limits: [{rate: 1/s, burst: 3}]}").await;
    for left in [2, 1, 0] {
        let answer = app.get("/products").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(all(&answer, "ratelimit-policy"), ["\"client\";q=3;w=3"]);
        let state = format!("\"client\";r={left};t={}", 3 - left);
        assert_eq!(all(&answer, "ratelimit"), [state]);
        assert_eq!(answer.header("retry-after"), None);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = app.get("/products").await;
    assert_eq!(refused.status(), 429);
    // 0.7 s, rounded up.
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(all(&refused, "ratelimit"), ["\"client\";r=0;t=3"]);
    assert_eq!(all(&refused, "ratelimit-policy"), ["\"client\";q=3;w=3"]);
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    let problem: Value = refused.json();
    assert_eq!(problem["code"], "rate_limit.exceeded");
    assert_eq!(
        problem["detail"],
        "too many requests: the limit `client` allows 1/s, and 3 at once; come back in 1 s"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(app.get("/products").await.status(), 200);
    assert_eq!(app.get("/products").await.status(), 429);
}

#[tokio::test(start_paused = true)]
async fn by_default_a_client_may_ask_a_thousand_times_a_second() {
    let app = TestChassis::with::<RateLimit>().start().await.unwrap();
    let answer = app.get("/nowhere").await;
    assert_eq!(all(&answer, "ratelimit-policy"), ["\"client\";q=2000;w=2"]);
    for _ in 1..2_000 {
        assert_eq!(app.get("/nowhere").await.status(), 404);
    }
    assert_eq!(app.get("/nowhere").await.status(), 429);
}

#[tokio::test(start_paused = true)]
async fn each_client_has_its_own_and_a_network_is_one_client() {
    let app = start("{limits: [{rate: 1/h}]}").await;
    for (address, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.1", 429),
        ("192.0.2.2", 200),
        ("::ffff:192.0.2.1", 429),
        ("2001:db8:0:1::1", 200),
        ("2001:db8:0:1:ffff::2", 429),
        ("2001:db8:0:2::1", 200),
    ] {
        assert_eq!(from(&app, address, "/products").await, status, "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_value_of_a_header_has_its_own() {
    let app = start("{limits: [{by: 'header:X-Api-Key', rate: 1/h}]}").await;
    let status = async |keys: &[&str], address| {
        let mut headers = vec![("x-forwarded-for", address)];
        headers.extend(keys.iter().map(|key| ("x-api-key", *key)));
        get(&app, "/products", &headers).await.status().as_u16()
    };
    assert_eq!(status(&["a"], "192.0.2.1").await, 200);
    assert_eq!(status(&["a"], "192.0.2.2").await, 429);
    assert_eq!(status(&["b"], "192.0.2.1").await, 200);
    // Without one, or with two: the client.
    assert_eq!(status(&[], "192.0.2.1").await, 200);
    assert_eq!(status(&[], "192.0.2.1").await, 429);
    assert_eq!(status(&["c", "d"], "192.0.2.1").await, 429);
    assert_eq!(status(&["c", "d"], "192.0.2.3").await, 200);
    let answer = get(&app, "/products", &[("x-api-key", "e")]).await;
    assert_eq!(
        all(&answer, "ratelimit"),
        ["\"header:x-api-key\";r=0;t=3600"]
    );
}

#[tokio::test(start_paused = true)]
async fn each_principal_has_its_own_and_nobody_is_a_client() {
    let app = start("{limits: [{by: principal, rate: 1/h}]}").await;
    let status = async |token: &str, address| {
        let headers = [("authorization", token), ("x-forwarded-for", address)];
        get(&app, "/me", &headers).await.status().as_u16()
    };
    assert_eq!(status("Bearer ada", "192.0.2.1").await, 200);
    assert_eq!(status("Bearer ada", "192.0.2.2").await, 429);
    assert_eq!(status("Bearer grace", "192.0.2.2").await, 200);
    // Who is refused by the gate is nobody, and guesses no more often than others.
    assert_eq!(status("Basic x", "192.0.2.3").await, 401);
    assert_eq!(status("Basic x", "192.0.2.3").await, 429);
    // A principal that is called like a client is another.
    assert_eq!(status("Bearer 192.0.2.3", "192.0.2.4").await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_for_its_routes() {
    let app = start("{limits: [{routes: ['/orders/**'], rate: 1/h}]}").await;
    assert_eq!(app.get("/orders/1").await.status(), 200);
    // Also those of another order, and where there is no route.
    assert_eq!(app.get("/orders/2").await.status(), 429);
    assert_eq!(app.get("/orders/2/nothing").await.status(), 429);
    assert_eq!(app.request(Method::DELETE, "/orders/2").await.status(), 429);
    for _ in 0..3 {
        let answer = app.get("/products").await;
        assert_eq!(answer.status(), 200);
        assert!(answer.header("ratelimit").is_none());
        assert_eq!(app.get("/nowhere").await.status(), 404);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_chassis_answers_itself_is_not_limited() {
    let app = start("{limits: [{rate: 1/h}]}").await;
    for _ in 0..3 {
        assert_eq!(app.get("/livez").await.status(), 200);
        assert_eq!(app.get("/openapi.json").await.status(), 200);
    }
    assert_eq!(app.get("/nowhere").await.status(), 404);
    assert_eq!(app.get("/nowhere").await.status(), 429);
}

#[tokio::test(start_paused = true)]
async fn of_several_limits_all_must_allow_and_none_pays_for_another() {
    let app = start(
        "{limits: [{rate: 1/s, burst: 2}, {name: daily, routes: ['/orders/**'], rate: 60/h, burst: 3}]}",
    )
    .await;
    let first = app.get("/orders/1").await;
    assert_eq!(
        all(&first, "ratelimit"),
        ["\"client\";r=1;t=1", "\"daily\";r=2;t=60"]
    );
    assert_eq!(
        all(&first, "ratelimit-policy"),
        ["\"client\";q=2;w=2", "\"daily\";q=3;w=180"]
    );
    assert_eq!(app.get("/orders/1").await.status(), 200);
    for _ in 0..5 {
        let refused = app.get("/orders/1").await;
        assert_eq!(refused.status(), 429);
        // The other limit still has its last token.
        assert_eq!(
            all(&refused, "ratelimit"),
            ["\"client\";r=0;t=2", "\"daily\";r=1;t=120"]
        );
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(app.get("/orders/1").await.status(), 200);
    let refused = app.get("/orders/1").await;
    assert_eq!(refused.header("retry-after"), Some("58"));
    assert_eq!(app.get("/products").await.status(), 200);
}

/// Stands further out, and signs what comes out.
#[plugin]
async fn signer(cx: &mut PluginContext) -> Result<()> {
    cx.filter(&points::POST_RESPONSE, |exchange: &mut Exchange| {
        let headers = exchange.response_headers_mut();
        headers.insert("x-signed", HeaderValue::from_static("yes"));
    });
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_passes_those_who_stand_further_out() {
    let app = service("{limits: [{rate: 1/h}]}").plugin::<signer>();
    let app = app.start().await.unwrap();
    for status in [200, 429] {
        let answer = app.get("/products").await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.header("x-signed"), Some("yes"));
        assert!(answer.header("x-request-id").is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_counted_what_is_allowed_and_what_is_refused() {
    let app = start("{limits: [{rate: 2/h}]}").await;
    for _ in 0..5 {
        app.get("/products").await;
    }
    let shown = |name: &str, value: &str| {
        let page = app.metrics();
        assert!(
            page.lines()
                .any(|line| line.starts_with(name) && line.ends_with(value)),
            "{name} {value} in {page}"
        );
    };
    let requests = "rate_limit_requests_total{";
    let page = app.metrics();
    let count = |outcome: &str| {
        let line = page
            .lines()
            .find(|line| line.starts_with(requests) && line.contains(outcome))
            .unwrap_or_else(|| panic!("{page}"));
        assert!(line.contains("limit=\"client\"") && line.contains("plugin=\"rate-limit\""));
        line.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(
        (count("allowed"), count("refused")),
        ("2".into(), "3".into())
    );
    tokio::time::sleep(Duration::from_mins(1)).await;
    shown("rate_limit_keys{", " 1");
    shown("rate_limit_evicted_total{", " 0");
    shown("rate_limit_shared_total{", " 0");
    shown("rate_limit_table_bytes", "");
    assert_eq!(app.state("rate-limit"), PluginState::Running);
}
