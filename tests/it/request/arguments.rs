//! What handlers take: paths, queries, bodies.

use super::{app, builder, problem, stream};
use crate::made::plugin;
use chassis::{Body, Json, MatchedPath, Path, Query, RawPathParams, Registration, testing::json};
use http::{Method, Request};
use serde::Deserialize;
use serde_json::json as value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Line {
    order: u64,
    line: u8,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
}

fn path_routes() -> Registration {
    plugin("paths", |cx| {
        cx.get("/text/{text}", async |Path(text): Path<String>| text);
        cx.get("/number/{id}", async |Path(id): Path<u64>| id.to_string());
        cx.get(
            "/tuple/{order}/{line}",
            async |Path((order, line)): Path<(u64, String)>| format!("{order} {line}"),
        );
        cx.get(
            "/struct/{line}/of/{order}",
            async |Path(Line { order, line })| format!("{order} {line}"),
        );
        cx.get(
            "/map/{a}/{b}",
            async |Path(map): Path<BTreeMap<String, String>>| format!("{map:?}"),
        );
        cx.get("/list/{a}/{b}", async |Path(list): Path<Vec<String>>| {
            list.join(" ")
        });
        cx.get("/colour/{colour}", async |Path(colour): Path<Colour>| {
            format!("{colour:?}")
        });
        cx.get("/rest/{*rest}", async |Path(rest): Path<String>| rest);
        cx.get("/wrong/{a}/{b}", async |Path(one): Path<String>| one);
        cx.get("/none", async |Path(one): Path<String>| one);
        cx.get("/raw/{a}/{b}", async |params: RawPathParams| {
            format!("{:?}", params.iter().collect::<Vec<_>>())
        });
        cx.get("/matched/{id}", async |path: MatchedPath| {
            path.as_str().to_owned()
        });
        cx.get("/brace/{{x}}/{id}", async |params: RawPathParams| {
            format!("{:?}", params.iter().collect::<Vec<_>>())
        });
    })
}

#[tokio::test]
async fn a_path_becomes_a_type() {
    let app = app([path_routes()]).await;
    for (path, expected) in [
        ("/text/a%20b%2Fc", "a b/c"),
        ("/text/%C3%A4", "ä"),
        ("/text/a+b", "a+b"),
        ("/number/18446744073709551615", "18446744073709551615"),
        ("/tuple/7/x", "7 x"),
        ("/struct/3/of/8", "8 3"),
        ("/map/1/2", r#"{"a": "1", "b": "2"}"#),
        ("/list/1/2", "1 2"),
        ("/colour/red", "Red"),
        ("/rest/a/b/c", "a/b/c"),
        ("/raw/a%20b/c", r#"[("a", "a%20b"), ("b", "c")]"#),
        ("/raw/a/b?a=c", r#"[("a", "a"), ("b", "b")]"#),
        ("/matched/7", "/matched/{id}"),
        ("/brace/{x}/7", r#"[("id", "7")]"#),
    ] {
        let response = app.get(path).await;
        assert_eq!(
            (response.status().as_u16(), response.text()),
            (200, expected),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_path_of_another_type_is_refused_with_what_is_wrong() {
    let app = app([path_routes()]).await;
    for (path, detail) in [
        (
            "/number/x",
            "the path parameter `id` is a whole number of 64 bits, not negative, not `x`",
        ),
        (
            "/number/-1",
            "the path parameter `id` is a whole number of 64 bits, not negative, not `-1`",
        ),
        (
            "/struct/256/of/8",
            "the path parameter `line` is a whole number from 0 to 255, not `256`",
        ),
        ("/text/%FF", "the path parameter `text` is not UTF-8"),
        ("/colour/blue", "unknown variant `blue`, expected `red`"),
    ] {
        assert_eq!(
            problem(&app.get(path).await, 400, "http.bad_request")["detail"],
            detail
        );
    }
    // What is wrong here is the handler, not the request.
    let body = problem(&app.get("/wrong/1/2").await, 500, "internal");
    assert!(
        !body["detail"].as_str().unwrap().contains("parameter"),
        "{body}"
    );
    problem(&app.get("/none").await, 500, "internal");
    for path in [
        "/number",
        "/number/",
        "/number/1/",
        "/rest/",
        "//number/1",
        "/NUMBER/1",
    ] {
        problem(&app.get(path).await, 404, "http.not_found");
    }
}

#[derive(Debug, Deserialize)]
struct Page {
    page: u32,
    size: Option<u32>,
}

#[tokio::test]
async fn a_query_becomes_a_type() {
    let pages = plugin("pages", |cx| {
        cx.get("/pages", async |Query(page): Query<Page>| {
            format!("{} {:?}", page.page, page.size)
        });
    });
    let app = app([pages]).await;
    assert_eq!(app.get("/pages?page=2").await.text(), "2 None");
    assert_eq!(app.get("/pages?size=%35&page=2").await.text(), "2 Some(5)");
    for query in ["", "?page=x", "?size=1", "?page=1&page=2"] {
        let body = problem(
            &app.get(&format!("/pages{query}")).await,
            400,
            "http.bad_request",
        );
        assert!(
            body["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("page")),
            "{body}"
        );
    }
}

#[derive(Deserialize)]
struct Order {
    number: u64,
}

fn orders() -> Registration {
    plugin("orders", |cx| {
        cx.post("/orders", async |Json(order): Json<Order>| {
            Json(order.number)
        });
        cx.post("/bytes", async |body: bytes::Bytes| body.len().to_string());
    })
}

const JSON: &str = "application/json";

fn post(path: &str, media_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header("content-type", media_type)
        .body(body.into())
        .unwrap()
}

#[tokio::test]
async fn a_json_body_that_is_wrong_is_refused_with_what_is_wrong() {
    let app = builder([orders()])
        .set("server.max_body", "10KiB")
        .start()
        .await
        .unwrap();
    let response = app.post("/orders", &value!({"number": 7})).await;
    assert_eq!(
        (response.json::<u64>(), response.header("content-type")),
        (7, Some("application/json"))
    );

    for (body, media_type, status, code) in [
        ("{\"number\": 7", JSON, 400, "http.bad_request"),
        ("", JSON, 400, "http.bad_request"),
        ("{\"number\": \"seven\"}", JSON, 422, "http.unprocessable"),
        ("{}", JSON, 422, "http.unprocessable"),
        (
            "{\"number\": 7}",
            "text/plain",
            415,
            "http.unsupported_media_type",
        ),
    ] {
        let answer = app.send(post("/orders", media_type, body)).await;
        problem(&answer, status, code);
    }
    let answer = app
        .send(post(
            "/orders",
            "application/vnd.shop+json",
            "{\"number\": 7}",
        ))
        .await;
    assert_eq!(answer.text(), "7");

    // Too large by what it says, and by what it is.
    let large = json(
        Method::POST,
        "/orders",
        &value!({"number": "7".repeat(20 << 10)}),
    );
    problem(&app.send(large).await, 413, "http.body_too_large");
    problem(
        &app.send(post("/orders", JSON, stream(20 << 10))).await,
        413,
        "http.body_too_large",
    );
    // What axum's own extractors say is theirs.
    assert_eq!(
        app.send(post("/bytes", JSON, stream(20 << 10)))
            .await
            .status(),
        413
    );
    assert_eq!(
        app.send(post("/bytes", JSON, stream(10 << 10)))
            .await
            .text(),
        "10240"
    );
}

#[tokio::test]
async fn the_limit_of_bodies_is_that_of_the_configuration_and_no_other() {
    // axum has one of its own, of 2 MiB.
    let app = builder([orders()])
        .set("server.max_body", "5MiB")
        .start()
        .await
        .unwrap();
    let five = 5 << 20;
    assert_eq!(
        app.send(post("/bytes", "text/plain", vec![b'x'; five]))
            .await
            .text(),
        five.to_string()
    );
    assert_eq!(
        app.send(post("/bytes", "text/plain", stream(five)))
            .await
            .text(),
        five.to_string()
    );
    assert_eq!(
        app.send(post("/bytes", "text/plain", stream(five + 1)))
            .await
            .status(),
        413
    );
}
