//! Mounted routers, which bring their documents along.

use super::{Library, document};
use crate::made::plugin;
use axum::{Router, routing::get};
use chassis::{code, testing::TestChassis};
use serde_json::{Value, json};

fn guest(path: &str, schema: &Value) -> Value {
    let content =
        json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Book" } } });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "guest", "version": "1" },
        "security": [{ "key": [] }],
        "paths": { path: {
            "summary": "What is read",
            "get": {
                "operationId": "library_list",
                "responses": { "200": { "description": "A book", "content": content } },
            },
        } },
        "components": {
            "schemas": { "Book": schema },
            "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "x-key" } },
        },
    })
}

fn reading(path: &'static str, document: Value) -> chassis::Registration {
    plugin("reading", move |cx| {
        let router = Router::new().route(path, get(async || "read"));
        cx.router_with_openapi(router, document.clone());
    })
}

#[tokio::test(start_paused = true)]
async fn the_document_of_a_router_is_taken_in() {
    let other = json!({ "type": "object", "properties": { "read": { "type": "boolean" } } });
    let app = TestChassis::with::<Library>()
        .register(reading("/read", guest("/read", &other)))
        .start()
        .await
        .unwrap();
    let document = document(&app).await;
    let read = &document["paths"]["/read"];
    assert_eq!(read["summary"], "What is read");
    let read = &read["get"];
    assert_eq!(read["tags"], json!(["reading"]));
    assert_eq!(read["operationId"], "library_list_2");
    assert_eq!(read["security"], json!([{ "key": [] }]));
    assert!(document["components"]["securitySchemes"]["key"].is_object());
    // There is a book already, and it is another one.
    let content = &read["responses"]["200"]["content"]["application/json"];
    assert_eq!(
        content["schema"]["$ref"],
        "#/components/schemas/reading.Book"
    );
    assert_eq!(document["components"]["schemas"]["reading.Book"], other);
    assert!(document["components"]["schemas"]["Book"]["properties"]["title"].is_object());
    assert_eq!(app.get("/read").await.text(), "read");
}

#[tokio::test(start_paused = true)]
async fn a_route_that_is_described_twice_is_told_at_start() {
    let error = TestChassis::with::<Library>()
        .register(reading("/read", guest("/books", &json!({}))))
        .start_error()
        .await;
    assert_eq!(
        (error.code(), error.plugin()),
        (code::ROUTE_CONFLICT, Some("reading"))
    );
    let message = error.message();
    assert!(
        message.contains("`GET /books`") && message.contains("by `library` (tests/it/openapi.rs:"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_document_of_another_version_is_told_at_start() {
    let mut old = guest("/read", &json!({}));
    old["openapi"] = "3.0.3".into();
    let error = TestChassis::builder()
        .register(reading("/read", old))
        .start_error()
        .await;
    assert_eq!(error.code(), code::POINT_MISMATCH);
    assert!(error.message().contains("`3.0.3`"), "{}", error.message());
    let running = crate::client::service([])
        .router_with_openapi(Router::new(), json!([]))
        .start()
        .await;
    let error = running.expect_err("it does not start");
    assert_eq!(error.code(), code::POINT_MISMATCH);
    assert!(error.origin().is_some_and(|at| at.contains("mounted.rs")));
}
