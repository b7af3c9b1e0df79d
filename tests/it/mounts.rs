//! What fits in as it is: axum routers, WebSockets, server-sent events, gRPC, tower layers that change bodies.

use crate::made::{Log, plugin};
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use chassis::{
    Exchange, MatchedPath, Path, Registration, RequestId, Shared, code, points,
    testing::{TestBuilder, TestChassis},
};
use http::Method;
use std::sync::Arc;

mod grpc;
mod streams;
mod upgrades;

fn mount(name: &str, router: impl Fn() -> Router + Send + Sync + 'static) -> Registration {
    plugin(name, move |cx| cx.router(router()))
}

async fn app(plugins: impl IntoIterator<Item = Registration>) -> TestChassis {
    builder(plugins).start().await.unwrap()
}

fn builder(plugins: impl IntoIterator<Item = Registration>) -> TestBuilder {
    plugins
        .into_iter()
        .fold(TestChassis::builder(), TestBuilder::register)
}

fn shop() -> Router {
    let deep = Router::new().route(
        "/deep/{x}",
        get(async |path: MatchedPath| path.as_str().to_owned()),
    );
    Router::new()
        .route(
            "/items/{id}",
            get(async |State(stock): State<Arc<str>>, Path(id): Path<u32>| {
                format!("{id} of {stock}")
            }),
        )
        .route(
            "/axums/{id}",
            get(async |axum::extract::Path(id): axum::extract::Path<u32>| id.to_string()),
        )
        .route("/both", post(async || "axum"))
        .route(
            "/panic",
            get(async || {
                if true {
                    panic!("the handler was told to panic")
                }
            }),
        )
        .route("/id", get(async |id: RequestId| id.to_string()))
        .nest("/api", deep)
        .with_state(Arc::from("apples"))
}

#[tokio::test]
async fn a_router_is_beneath_the_routes_of_plugins() {
    let log = Log::new();
    let noted = log.clone();
    let plugins = plugin("plugins", move |cx| {
        cx.get("/both", async || "chassis");
        cx.get("/own/{id}", async |Path(id): Path<u32>| id.to_string());
        let log = noted.clone();
        cx.filter(&points::POST_RESPONSE, move |ex: &mut Exchange| {
            log.note(format!(
                "{} {} {:?}",
                ex.uri().path(),
                ex.status(),
                ex.outcome()
            ));
        });
    });
    let app = app([plugins, mount("shop", shop)]).await;
    for (method, path, status, text) in [
        (Method::GET, "/items/7", 200, "7 of apples"),
        (Method::HEAD, "/items/7", 200, ""),
        (Method::GET, "/axums/7", 200, "7"),
        (Method::GET, "/api/deep/7", 200, "/api/deep/{x}"),
        (Method::GET, "/both", 200, "chassis"),
        (Method::POST, "/both", 200, "axum"),
        (Method::GET, "/own/7", 200, "7"),
        (Method::GET, "/items/x", 400, ""),
        (Method::GET, "/nowhere", 404, ""),
        (Method::DELETE, "/items/7", 405, ""),
        (Method::DELETE, "/own/7", 405, ""),
        (Method::DELETE, "/both", 405, ""),
        (Method::GET, "/panic", 500, ""),
    ] {
        let response = app.request(method.clone(), path).await;
        assert_eq!(
            response.status(),
            status,
            "{method} {path}: {}",
            response.text()
        );
        if status == 200 {
            assert_eq!(response.text(), text);
        } else {
            assert_eq!(
                response.header("content-type"),
                Some("application/problem+json")
            );
            assert_eq!(response.json::<serde_json::Value>()["status"], status);
        }
        let outcome = if status == 500 {
            "Panicked"
        } else {
            "Answered"
        };
        assert!(
            log.lines().last().unwrap().ends_with(outcome),
            "{:?}",
            log.lines().last()
        );
        if status == 405 {
            let mut allowed: Vec<_> = response
                .header("allow")
                .unwrap()
                .split(',')
                .map(str::trim)
                .collect();
            allowed.sort_unstable();
            let both: &[&str] = if path == "/both" {
                &["GET", "HEAD", "POST"]
            } else {
                &["GET", "HEAD"]
            };
            assert_eq!(allowed, both);
        }
    }
    let id = app.get("/id").await;
    assert_eq!(Some(id.text()), id.header("x-request-id"));
}

#[tokio::test]
async fn a_router_of_the_service_may_have_a_fallback() {
    let own = plugin("own", |cx| _ = cx.get("/own", async || "own"));
    let router = shop().fallback(async |method: Method| format!("fallback for {method}"));
    let app = builder([own]).router(router).start().await.unwrap();
    assert_eq!(app.get("/own").await.text(), "own");
    assert_eq!(app.get("/items/7").await.text(), "7 of apples");
    assert_eq!(
        app.request(Method::PUT, "/nowhere").await.text(),
        "fallback for PUT"
    );
    assert_eq!(app.request(Method::PUT, "/own").await.status(), 405);
}

#[tokio::test]
async fn shared_values_are_for_routes_of_plugins() {
    // A router has no plugin whose requirements could be asked; it has its state.
    let exports = plugin("exports", |cx| {
        cx.export(7_u32);
        cx.router(Router::new().route(
            "/shared",
            get(async |number: Shared<u32>| number.to_string()),
        ));
    });
    let response = app([exports]).await.get("/shared").await;
    assert_eq!(
        response.json::<serde_json::Value>()["code"],
        "plugin.no_export"
    );
    // What is missing where is for the log: the client is told no type names.
    assert!(!response.text().contains("u32"), "{}", response.text());
}

#[tokio::test]
async fn a_route_that_is_mounted_twice_is_an_error_that_names_both() {
    let routed =
        |name: &str, path: &'static str| plugin(name, move |cx| _ = cx.get(path, async || "mine"));
    let mounted = |name: &str, path: &'static str| {
        mount(name, move || {
            Router::new().route(path, get(async || "mine"))
        })
    };
    let fallback = |name: &str| mount(name, || Router::new().fallback(async || "mine"));
    for (one, other) in [
        (routed("one", "/x/{id}"), mounted("other", "/x/{id}")),
        (routed("one", "/x/{id}"), mounted("other", "/x/{name}")),
        (mounted("one", "/x"), routed("other", "/x")),
        (mounted("one", "/x"), mounted("other", "/x")),
        (mounted("one", "/x/{a}"), mounted("other", "/x/{b}")),
        (fallback("one"), fallback("other")),
    ] {
        let bystander = mounted("bystander", "/elsewhere");
        let error = builder([bystander, one, other]).start_error().await;
        assert_eq!(error.code(), code::ROUTE_CONFLICT, "{}", error.report());
        assert!(
            error.message().contains("by `one` (tests/it/")
                && error.message().contains("and by `other` (tests/it/"),
            "{}",
            error.report()
        );
    }
    let router = Router::new().route("/x", get(async || "mine"));
    let error = builder([mounted("one", "/x")])
        .router(router)
        .start_error()
        .await;
    assert!(
        error.message().contains("by `one` (tests/it/")
            && error.message().contains("`service` (tests/it/"),
        "{}",
        error.report()
    );
    // One plugin may mount several, and contradict itself.
    let twice = plugin("twice", |cx| {
        cx.router(Router::new().route("/x", get(async || "mine")));
        cx.router(Router::new().route("/x", get(async || "mine")));
    });
    let error = builder([twice]).start_error().await;
    assert!(error.message().contains("`twice`"), "{}", error.report());
}
