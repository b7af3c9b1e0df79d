//! Who may call a route, and what hooks answer in its place.

use super::{GONE, document};
use crate::made::plugin;
use axum::{Router, routing::get};
use chassis::{
    Access, AuthQuestion, Authentication, Code, Registration, Roles, RoutePattern, SecurityScheme,
    code, prelude::*, testing::TestChassis,
};
use serde_json::{Value, json};

const CLOSED: Code = Code::new("hours.closed", 503, "The shop is closed.");

/// Keeps orders.
#[plugin]
struct Orders;

impl Plugin for Orders {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Orders {
    #[get("/orders", scopes = ["orders:read", "orders:list"])]
    async fn list(&self) -> &'static str {
        "orders"
    }

    #[get("/audit", with = Roles::any(["auditor", "owner"]))]
    async fn audit(&self) -> &'static str {
        "audit"
    }

    #[get("/me")]
    async fn me(&self, caller: Principal) -> String {
        caller.subject
    }

    #[get("/perhaps")]
    async fn perhaps(&self, caller: Option<Principal>) -> String {
        caller.map_or_else(String::new, |caller| caller.subject)
    }

    #[get("/silent", with = RouteDocs::new().fails(GONE))]
    async fn silent(&self) -> &'static str {
        "silent"
    }

    #[get("/open", with = Public)]
    async fn open(&self) -> &'static str {
        "open"
    }

    #[get("/own", scopes = [], with = RouteDocs::new().answer_any(401, "Who are you?").fails(code::FORBIDDEN))]
    async fn own(&self) -> &'static str {
        "own"
    }
}

/// Shuts routes, but for one below a router.
struct Shutter;

impl Plugin for Shutter {
    type Config = NoConfig;

    const SHUTS_ROUTES: bool = true;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        knows(cx);
        cx.open_routes(["/openapi.json", "GET /mounted/open"].map(routes));
        Ok(Self)
    }
}

fn routes(pattern: &str) -> RoutePattern {
    pattern.parse().unwrap()
}

fn shutter() -> Registration {
    Registration::new::<Shutter>(crate::scripted::info("shutter"))
}

fn knows(cx: &mut PluginContext) {
    cx.security_scheme("token", SecurityScheme::bearer("JWT"));
    cx.security_scheme(
        "key",
        SecurityScheme::api_key("X-Key").description("Ask the desk for one."),
    );
    cx.call(&points::AUTHENTICATE, async |_: &AuthQuestion| {
        None::<Authentication>
    });
}

fn of<'d>(document: &'d Value, path: &str) -> &'d Value {
    &document["paths"][path]["get"]
}

/// The statuses of errors that are listed for a route.
fn fails(document: &Value, path: &str) -> Vec<String> {
    let all = of(document, path)["responses"].as_object().unwrap().keys();
    all.filter(|status| status.starts_with(['4', '5']))
        .cloned()
        .collect()
}

fn text<'d>(document: &'d Value, path: &str, status: &str) -> &'d str {
    let answer = &of(document, path)["responses"][status]["description"];
    answer.as_str().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn what_is_not_for_everybody_says_who_may_call_it() {
    let app = TestChassis::with::<Orders>()
        .register(plugin("tokens", knows))
        .start()
        .await
        .unwrap();
    let document = document(&app).await;
    assert_eq!(
        document["components"]["securitySchemes"],
        json!({
            "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "key": {
                "type": "apiKey", "in": "header", "name": "X-Key", "description": "Ask the desk for one.",
            },
        })
    );
    let scopes = json!(["orders:read", "orders:list"]);
    assert_eq!(
        of(&document, "/orders")["security"],
        json!([{"token": scopes}, {"key": scopes}]),
        "one of both is enough"
    );
    assert_eq!(fails(&document, "/orders"), ["401", "403", "503"]);
    let unknown = &of(&document, "/orders")["responses"]["401"];
    assert!(unknown["headers"]["WWW-Authenticate"]["description"].is_string());
    assert!(unknown["content"]["application/problem+json"].is_object());
    assert!(text(&document, "/orders", "401").starts_with("`http.unauthorized`: "));
    let poor = text(&document, "/orders", "403");
    assert!(
        poor.starts_with("`auth.missing_scope`: ")
            && poor.ends_with("It needs `orders:read`, `orders:list`."),
        "{poor}"
    );
    assert!(text(&document, "/orders", "503").starts_with("`auth.unavailable`: "));

    // No scheme has a word for roles.
    let known = json!([{"token": []}, {"key": []}]);
    assert_eq!(of(&document, "/audit")["security"], known);
    let poor = text(&document, "/audit", "403");
    assert!(
        poor.starts_with("`auth.denied`: ")
            && poor.ends_with("It needs one of the roles `auditor`, `owner`."),
        "{poor}"
    );
    assert_eq!(of(&document, "/me")["security"], known);
    assert_eq!(fails(&document, "/me"), ["401", "503"]);
    let perhaps = json!([{}, {"token": []}, {"key": []}]);
    assert_eq!(of(&document, "/perhaps")["security"], perhaps);
    assert_eq!(fails(&document, "/perhaps"), ["401", "503"]);
    for path in ["/silent", "/open"] {
        assert!(of(&document, path)["security"].is_null(), "{path}");
    }
    assert!(fails(&document, "/open").is_empty());
    // What its author says is more.
    assert_eq!(text(&document, "/own", "401"), "Who are you?");
    assert!(text(&document, "/own", "403").starts_with("`http.forbidden`: "));
}

#[tokio::test(start_paused = true)]
async fn closures_say_by_their_arguments_that_they_ask() {
    let asks = plugin("asks", |cx| {
        knows(cx);
        cx.get("/me", async |caller: Principal| caller.subject);
        cx.get("/perhaps", async |caller: Option<Principal>| {
            caller.map_or_else(String::new, |caller| caller.subject)
        });
        cx.get("/open", async || "open");
    });
    let app = TestChassis::builder().register(asks).start().await.unwrap();
    let document = document(&app).await;
    let known = json!([{"token": []}, {"key": []}]);
    assert_eq!(of(&document, "/me")["security"], known);
    assert_eq!(of(&document, "/perhaps")["security"][0], json!({}));
    assert!(of(&document, "/open")["security"].is_null());
}

#[tokio::test(start_paused = true)]
async fn what_a_plugin_shuts_is_for_callers_who_are_known() {
    let app = TestChassis::with::<Orders>().register(shutter());
    let app = app.start().await.unwrap();
    let document = document(&app).await;
    let known = json!([{"token": []}, {"key": []}]);
    assert_eq!(of(&document, "/silent")["security"], known);
    assert_eq!(fails(&document, "/silent"), ["401", "410", "503"]);
    assert!(of(&document, "/open")["security"].is_null());

    // Somebody who may deny it, may deny all of it.
    let denies = plugin("denies", |cx| {
        cx.filter(&points::AUTHORIZE, |_: &mut Access| {});
    });
    let app = TestChassis::with::<Orders>()
        .register(shutter())
        .register(denies)
        .start()
        .await
        .unwrap();
    let document = super::document(&app).await;
    assert_eq!(fails(&document, "/silent"), ["401", "403", "410", "503"]);
    assert!(fails(&document, "/open").is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_mounted_routers_answer_is_behind_the_same_door() {
    let operation = |id: &str, security: &Value| {
        let responses = json!({"200": {"description": "Read."}});
        let mut operation = json!({"operationId": id, "responses": responses});
        if !security.is_null() {
            operation["security"] = security.clone();
        }
        json!({ "get": operation })
    };
    let guest = json!({
        "openapi": "3.1.0",
        "info": {"title": "guest", "version": "1"},
        "paths": {
            "/mounted/shut": operation("shut", &Value::Null),
            "/mounted/open": operation("open", &Value::Null),
            "/mounted/own": operation("own", &json!([{"key": ["read"]}])),
        },
        "components": {
            // It is called as one of ours.
            "securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "key"}},
        },
    });
    let mounted = plugin("mounted", move |cx| {
        let router = Router::new()
            .route("/mounted/shut", get(async || "shut"))
            .route("/mounted/open", get(async || "open"))
            .route("/mounted/own", get(async || "own"));
        cx.router_with_openapi(router, guest.clone());
    });
    let app = TestChassis::builder()
        .register(mounted)
        .register(shutter())
        .start()
        .await
        .unwrap();
    let document = document(&app).await;
    let known = json!([{"token": []}, {"key": []}]);
    assert_eq!(of(&document, "/mounted/shut")["security"], known);
    assert_eq!(fails(&document, "/mounted/shut"), ["401", "503"]);
    assert_eq!(app.get("/mounted/shut").await.status(), 401);
    assert!(of(&document, "/mounted/open")["security"].is_null());
    assert!(fails(&document, "/mounted/open").is_empty());
    assert_eq!(app.get("/mounted/open").await.text(), "open");
    // The router has a gate of its own behind that.
    assert_eq!(
        of(&document, "/mounted/own")["security"],
        json!([
            {"mounted.key": ["read"], "token": []},
            {"mounted.key": ["read"], "key": []},
        ])
    );
}

#[tokio::test(start_paused = true)]
async fn where_nobody_says_how_the_statuses_are_there_all_the_same() {
    let app = TestChassis::with::<Orders>().start().await.unwrap();
    let document = document(&app).await;
    assert!(document["components"]["securitySchemes"].is_null());
    assert!(of(&document, "/orders")["security"].is_null());
    assert_eq!(fails(&document, "/orders"), ["401", "403", "503"]);
}

#[tokio::test(start_paused = true)]
async fn schemes_of_one_name_are_one_or_say_whose_they_are() {
    let scheme = |name: &str, scheme: SecurityScheme| {
        plugin(name, move |cx| cx.security_scheme("key", scheme.clone()))
    };
    let app = TestChassis::with::<Orders>()
        .register(scheme("a", SecurityScheme::api_key("X-Key")))
        .register(scheme("b", SecurityScheme::api_key("X-Key")))
        .register(scheme("c", SecurityScheme::basic()))
        .start()
        .await
        .unwrap();
    let document = document(&app).await;
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(
        *schemes,
        json!({
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "c.key": {"type": "http", "scheme": "basic"},
        })
    );

    for (names, said) in [
        (["my key", "other"], "`my key` is not a name"),
        (["key", "key"], "`key` stands there twice"),
    ] {
        let wrong = plugin("wrong", move |cx| {
            for name in names {
                cx.security_scheme(name, SecurityScheme::basic());
            }
        });
        let app = TestChassis::builder().register(wrong).start().await;
        let report = app.unwrap().handle().plugin("wrong").unwrap();
        let reason = report.reason().unwrap_or_default();
        assert!(
            reason.contains(said) && reason.contains("guarded.rs:"),
            "{reason}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_hooks_answer_is_listed_where_they_do() {
    let hours = plugin("hours", |cx| {
        cx.may_answer(routes("GET /silent"), CLOSED)
            .header("Retry-After", "How many seconds it stays closed.");
        cx.may_answer(routes("/orders/**"), CLOSED);
        cx.may_answer(routes("POST /open"), CLOSED);
        cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| -> Flow {
            Flow::respond(Error::new(CLOSED, "it is too early"))
        })
        .routes("/silent");
    });
    let app = TestChassis::with::<Orders>().register(hours);
    let app = app.start().await.unwrap();
    let document = document(&app).await;
    assert_eq!(app.get("/silent").await.status(), 503);
    let closed = &of(&document, "/silent")["responses"]["503"];
    assert_eq!(closed["description"], "`hours.closed`: The shop is closed.");
    assert_eq!(
        closed["headers"],
        json!({"Retry-After": {
            "description": "How many seconds it stays closed.", "schema": {"type": "string"},
        }})
    );
    assert!(closed["content"]["application/problem+json"].is_object());
    // There it is one of two.
    let both = text(&document, "/orders", "503");
    assert!(
        both.starts_with("`hours.closed`: The shop is closed. `auth.unavailable`: "),
        "{both}"
    );
    assert!(fails(&document, "/open").is_empty());
}
