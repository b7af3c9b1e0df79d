//! Routes that can not be: claimed twice, malformed.

use super::{app, builder};
use crate::made;
use chassis::{
    code,
    prelude::{Method, NoConfig, Plugin, PluginContext, Result, contributes, plugin},
    testing::TestChassis,
};

#[tokio::test]
async fn two_claims_of_one_route_are_an_error_that_names_both() {
    let claims = |name: &str, method: Method, path: &'static str| {
        made::plugin(name, move |cx| {
            _ = cx.route(method.clone(), path, async || "mine");
        })
    };
    for (one, other, told) in [
        (
            "/orders",
            "/orders",
            &["`one` (", "`other` (", "GET /orders", "claims.rs:"][..],
        ),
        (
            "/orders/{id}",
            "/orders/{number}",
            &["`one` (", "`other` (", "/orders/{id}", "/orders/{number}"],
        ),
        (
            "/files/{*rest}",
            "/files/{*path}",
            &["`one` (", "`other` (", "/files/{*rest}"],
        ),
        (
            "/files/{*rest}",
            "/files/{name}",
            &["`one` (", "`other` (", "/files/{*rest}"],
        ),
    ] {
        let error = builder([
            claims("one", Method::GET, one),
            claims("other", Method::GET, other),
        ]);
        let error = error.start_error().await;
        assert_eq!(error.code(), code::ROUTE_CONFLICT, "{}", error.report());
        for told in told {
            assert!(
                error.report().contains(told),
                "no {told} in {}",
                error.report()
            );
        }
    }
    // Two methods are no conflict, and neither are a parameter and a word.
    let app = app([
        claims("get", Method::GET, "/orders/{id}"),
        claims("put", Method::PUT, "/orders/{id}"),
        claims("word", Method::GET, "/orders/latest"),
        claims("rest", Method::GET, "/orders/{id}/{*rest}"),
    ])
    .await;
    assert_eq!(app.request(Method::PUT, "/orders/1").await.status(), 200);
}

#[tokio::test]
async fn a_path_that_can_not_be_routed_is_an_error_at_start() {
    for (path, told) in [
        ("orders", "a path begins with `/`"),
        ("", "a path begins with `/`"),
        ("/orders/:id", "a parameter is written `{name}`"),
        ("/files/*rest", "a parameter is written `{name}`"),
        ("/orders/{id", "is not the path of a route"),
        ("/files/{*rest}/more", "is not the path of a route"),
        ("/orders/{}", "is not the path of a route"),
        ("/orders/{a}{b}", "is not the path of a route"),
        ("/orders/{id}.json", "is not the path of a route"),
    ] {
        let wrong = made::plugin("wrong", move |cx| _ = cx.get(path, async || "never"));
        match builder([wrong]).start().await {
            Ok(app) => assert_eq!(app.state("wrong"), chassis::PluginState::Failed, "{path}"),
            Err(error) => {
                assert_eq!(error.code(), code::BAD_ROUTE, "{}", error.report());
                assert!(error.report().contains(told), "{}", error.report());
                assert!(error.report().contains("claims.rs:"), "{}", error.report());
            }
        }
    }
}

#[tokio::test]
async fn axums_own_path_extractors_are_an_error_that_names_ours() {
    let plugins = [
        made::plugin("axum-path", |cx| {
            _ = cx.get("/a/{id}", async |_: axum::extract::Path<u64>| "");
        }),
        made::plugin("axum-path", |cx| {
            _ = cx.get("/a/{id}", async |_: axum::extract::RawPathParams| "");
        }),
        made::plugin("axum-path", |cx| {
            _ = cx.get("/a/{id}", async |_: axum::extract::MatchedPath| "");
        }),
        made::plugin("axum-path", |cx| {
            _ = cx.get("/a/{id}", async |_: Option<axum::extract::Path<u64>>| "");
        }),
    ];
    for wrong in plugins {
        let app = app([wrong]).await;
        let report = app.handle().plugin("axum-path").unwrap();
        assert_eq!(report.state, chassis::PluginState::Failed);
        let said = report.reason().unwrap_or_default();
        assert!(said.contains("axum's own path extractors"), "{said}");
    }
}

/// A route method with one of axum's own path extractors: no bound can refuse it.
#[plugin]
struct Theirs;

impl Plugin for Theirs {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Theirs {
    #[get("/theirs/{id}")]
    async fn theirs(&self, axum::extract::Path(id): axum::extract::Path<u64>) -> String {
        id.to_string()
    }
}

#[tokio::test]
async fn a_route_method_with_axums_own_path_is_an_error_at_start_that_names_ours() {
    let app = TestChassis::with::<Theirs>().start().await.unwrap();
    let told = app.handle().plugin("theirs").unwrap();
    let told = told.last_error().unwrap();
    assert!(
        told.contains("`/theirs/{id}`") && told.contains("`chassis::Path`"),
        "{told}"
    );
}
