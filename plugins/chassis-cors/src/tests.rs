//! The plugin, seen from outside.

use super::*;
use chassis::{
    AuthQuestion, Authentication, Body, PluginState,
    axum::{Router, http::Request, response::AppendHeaders, routing},
    testing::{TestBuilder, TestChassis, TestResponse},
};

mod preflights;
mod reloads;
mod settings;

const APP: &str = "https://app.example.com";

/// Answers, to all and to those who are known.
#[plugin]
async fn shop(cx: &mut PluginContext) -> Result<()> {
    cx.get("/orders", async || "orders");
    cx.post("/orders", async || "an order");
    cx.get("/products", async || {
        let vary = [("vary", "Accept"), ("vary", "Accept-Language")];
        (AppendHeaders(vary), "tea")
    });
    cx.get("/varied", async || ([("vary", "accept, ORIGIN")], "tea"));
    cx.get("/own", async || {
        let headers = [
            ("access-control-allow-origin", "https://elsewhere.example"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "X-Own"),
        ];
        (headers, "its own")
    });
    cx.get("/me", async |caller: Principal| caller.subject)
        .scopes(Vec::<String>::new());
    // Whoever says a name is believed.
    cx.call(&points::AUTHENTICATE, async |question: &AuthQuestion| {
        Some(match question.bearer() {
            Some(name) => Principal::new(name).into(),
            None => Authentication::missing("Bearer"),
        })
    });
    Ok(())
}

fn service(policies: &str) -> TestBuilder {
    TestChassis::with::<Cors>().plugin::<shop>().config(format!(
        "plugins: {{cors: {{config: {{policies: {policies}}}}}}}\n"
    ))
}

async fn start(policies: &str) -> TestChassis {
    service(policies).start().await.unwrap()
}

async fn send(
    app: &TestChassis,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> TestResponse {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    app.send(request.body(Body::empty()).unwrap()).await
}

/// `GET`, by a page of this origin.
async fn get(app: &TestChassis, path: &str, origin: &str) -> TestResponse {
    send(app, Method::GET, path, &[("origin", origin)]).await
}

fn all<'a>(answer: &'a TestResponse, name: &str) -> Vec<&'a str> {
    let values = answer.headers().get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

/// Who may read an answer, and what the answer says it depends on.
fn reader(answer: &TestResponse) -> (Vec<&str>, Vec<&str>) {
    (
        all(answer, "access-control-allow-origin"),
        all(answer, "vary"),
    )
}

/// How often something was refused.
fn refused(app: &TestChassis, what: &str) -> String {
    let page = app.metrics();
    let line = page
        .lines()
        .find(|line| line.starts_with("cors_refused_total{") && line.contains(what))
        .unwrap_or_else(|| panic!("{page}"));
    line.rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_read_answers_and_others_may_not() {
    let app = start("[{origins: [https://app.example.com, 'https://*.example.org']}]").await;
    for origin in [APP, "https://a.example.org", "https://a.b.example.org"] {
        let answer = get(&app, "/orders", origin).await;
        assert_eq!(answer.text(), "orders");
        assert_eq!(reader(&answer), (vec![origin], vec!["Origin"]));
    }
    for origin in [
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.org",
        "https://evilexample.org",
        "null",
        "",
    ] {
        // The service answers: to be read is another thing than to be called.
        let answer = get(&app, "/orders", origin).await;
        assert_eq!(answer.text(), "orders");
        assert_eq!(reader(&answer), (vec![], vec!["Origin"]), "{origin}");
    }
    assert_eq!(refused(&app, "origin"), "6");
}

#[tokio::test]
async fn without_policies_nothing_is_written_and_nothing_asked() {
    let app = TestChassis::with::<Cors>()
        .plugin::<shop>()
        .start()
        .await
        .unwrap();
    let answer = get(&app, "/orders", APP).await;
    assert_eq!(reader(&answer), (vec![], vec![]));
    let headers = [("origin", APP), ("access-control-request-method", "GET")];
    let answer = send(&app, Method::OPTIONS, "/orders", &headers).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(app.state("cors"), PluginState::Running);
}

#[tokio::test]
async fn what_an_answer_depends_on_is_added_to_what_is_there() {
    let app = start("[{origins: [https://app.example.com]}]").await;
    // Also without an origin, and where it is not allowed: a cache keeps the answer for others.
    for headers in [
        &[][..],
        &[("origin", APP)],
        &[("origin", "https://evil.org")],
    ] {
        for (path, vary) in [
            ("/orders", vec!["Origin"]),
            ("/products", vec!["Accept", "Accept-Language", "Origin"]),
            ("/varied", vec!["accept, ORIGIN"]),
            ("/nowhere", vec!["Origin"]),
        ] {
            let answer = send(&app, Method::GET, path, headers).await;
            assert_eq!(all(&answer, "vary"), vary, "{path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn where_all_may_read_the_answer_does_not_depend_on_who_asks() {
    let app = start("[{origins: ['*'], expose: [X-Total, ETag]}]").await;
    for headers in [&[][..], &[("origin", APP)], &[("origin", "null")]] {
        let answer = send(&app, Method::GET, "/orders", headers).await;
        assert_eq!(reader(&answer), (vec!["*"], vec![]));
        let exposed = answer.header("access-control-expose-headers");
        assert_eq!(exposed, Some("X-Total, ETag"));
    }
}

#[tokio::test]
async fn credentials_and_headers_are_for_those_who_may_read() {
    let app =
        start("[{origins: [https://app.example.com], credentials: true, expose: [X-Total]}]").await;
    let answer = get(&app, "/orders", APP).await;
    assert_eq!(all(&answer, "access-control-allow-credentials"), ["true"]);
    assert_eq!(all(&answer, "access-control-expose-headers"), ["X-Total"]);
    for origin in ["https://evil.org", "null"] {
        let answer = get(&app, "/orders", origin).await;
        assert!(answer.header("access-control-allow-credentials").is_none());
        assert!(answer.header("access-control-expose-headers").is_none());
    }
}

#[tokio::test]
async fn the_policy_goes_before_what_a_handler_says() {
    let router = Router::new().route(
        "/mounted",
        routing::get(async || ([("access-control-allow-origin", "*")], "mounted")),
    );
    let policies = "[{routes: [/own, /mounted], origins: [https://app.example.com]}]";
    let app = service(policies).router(router).start().await.unwrap();
    for path in ["/own", "/mounted"] {
        let answer = get(&app, path, APP).await;
        assert_eq!(reader(&answer), (vec![APP], vec!["Origin"]));
        assert!(answer.header("access-control-allow-credentials").is_none());
        assert!(answer.header("access-control-expose-headers").is_none());
        let answer = get(&app, path, "https://elsewhere.example").await;
        assert_eq!(reader(&answer), (vec![], vec!["Origin"]));
    }
    // Where there is no policy, what it says stays.
    let app = start("[{routes: [/orders], origins: [https://app.example.com]}]").await;
    let answer = get(&app, "/own", APP).await;
    assert_eq!(reader(&answer), (vec!["https://elsewhere.example"], vec![]));
}

#[tokio::test]
async fn the_first_policy_for_a_route_counts() {
    let app = start(
        "[{routes: ['POST /orders'], origins: [https://till.example.com]}, \
          {routes: ['/orders/**'], origins: [https://app.example.com]}, \
          {routes: [/products], origins: ['*']}]",
    )
    .await;
    let readers = async |method: Method, path: &str, origin: &str| {
        let answer = send(&app, method, path, &[("origin", origin)]).await;
        let readers = all(&answer, "access-control-allow-origin");
        readers.join(" and ")
    };
    assert_eq!(readers(Method::GET, "/orders", APP).await, APP);
    assert_eq!(readers(Method::POST, "/orders", APP).await, "");
    let till = "https://till.example.com";
    assert_eq!(readers(Method::POST, "/orders", till).await, till);
    assert_eq!(readers(Method::GET, "/orders", till).await, "");
    // Also where there is nothing, or nothing of this method.
    assert_eq!(readers(Method::GET, "/orders/7/nothing", APP).await, APP);
    assert_eq!(readers(Method::DELETE, "/orders", APP).await, APP);
    assert_eq!(readers(Method::GET, "/products", APP).await, "*");
    assert_eq!(readers(Method::GET, "/nowhere", APP).await, "");
}

#[tokio::test]
async fn a_page_of_the_service_itself_is_not_counted_as_refused() {
    let app = start("[{origins: [https://app.example.com]}]").await;
    let own = [
        ("origin", "https://shop.example"),
        ("sec-fetch-site", "same-origin"),
    ];
    let answer = send(&app, Method::POST, "/orders", &own).await;
    assert_eq!(answer.text(), "an order");
    assert_eq!(refused(&app, "origin"), "0");
    let foreign = [
        ("origin", "https://shop.example"),
        ("sec-fetch-site", "same-site"),
    ];
    send(&app, Method::POST, "/orders", &foreign).await;
    assert_eq!(refused(&app, "origin"), "1");
}

#[tokio::test]
async fn of_two_origins_none_is_believed() {
    let app = start("[{origins: [https://app.example.com]}]").await;
    let two = [("origin", APP), ("origin", "https://evil.org")];
    let answer = send(&app, Method::GET, "/orders", &two).await;
    assert_eq!(reader(&answer), (vec![], vec!["Origin"]));
}
