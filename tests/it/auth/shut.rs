//! Routes that do not say who may call them, where a plugin shuts them.

use super::{Orders, by_token, get, problem, tokens};
use crate::{
    made::{Log, plugin},
    scripted::info,
};
use chassis::{
    AuthQuestion, PluginState, Public, Registration, Roles, RoutePattern,
    prelude::*,
    testing::{TestBuilder, TestChassis},
};

/// Knows the tokens of [`by_token`], shuts what it does not leave open, and does what its settings say.
struct Shutter;

#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ShutterConfig {
    open: Vec<RoutePattern>,
    fails: bool,
}

impl Plugin for Shutter {
    type Config = ShutterConfig;

    const SHUTS_ROUTES: bool = true;

    async fn init(config: ShutterConfig, cx: &mut PluginContext) -> Result<Self> {
        if config.fails {
            return Err(Error::msg("the key can't be read"));
        }
        cx.open_routes(config.open);
        cx.call(&points::AUTHENTICATE, async |asked: &AuthQuestion| {
            by_token(asked)
        });
        Ok(Self)
    }
}

fn shutter() -> Registration {
    Registration::new::<Shutter>(info("shutter"))
}

/// Has a route that its author opens, and one for auditors.
fn said() -> Registration {
    plugin("said", |cx| {
        cx.get("/products", async || "products").public();
        cx.post("/products", async || "made").with(Public);
        cx.get("/audit", async || "audit")
            .roles(["auditor", "staff"]);
        cx.get("/vault", async || "vault")
            .with(Roles::any(["owner"]));
    })
}

fn service() -> TestBuilder {
    let router = axum::Router::new()
        .route("/mounted", axum::routing::get(async || "mounted"))
        .route("/assets/{name}", axum::routing::get(async || "asset"));
    TestChassis::with::<Orders>()
        .register(said())
        .register(shutter())
        .router(router)
}

/// All that the service has, apart from what its authors open.
const CLOSED: [&str; 9] = [
    "/open",
    "/orders",
    "/me",
    "/argument",
    "/perhaps",
    "/audit",
    "/mounted",
    "/assets/a.css",
    "/openapi.json",
];

#[tokio::test]
async fn what_does_not_say_who_may_call_it_is_for_those_who_are_known() {
    let app = service().start().await.unwrap();
    for path in CLOSED {
        problem(&get(&app, path, "").await, 401, "http.unauthorized");
        problem(&get(&app, path, "guess").await, 401, "http.unauthorized");
        assert_eq!(get(&app, path, "reader").await.status(), 200, "{path}");
    }
    assert_eq!(get(&app, "/products", "").await.text(), "products");
    assert_eq!(app.post("/products", &()).await.text(), "made");
    // No handler stands behind these, and probes have no token.
    assert_eq!(app.request(Method::DELETE, "/open").await.status(), 401);
    assert_eq!(get(&app, "/livez", "").await.status(), 200);
}

#[tokio::test]
async fn without_mounted_routers_what_is_nowhere_is_404() {
    let builder = TestChassis::with::<Orders>().register(shutter());
    let app = builder.start().await.unwrap();
    assert_eq!(get(&app, "/nowhere", "").await.status(), 404);
    assert_eq!(app.request(Method::DELETE, "/open").await.status(), 405);
}

#[tokio::test]
async fn the_plugin_leaves_routes_open() {
    let open = serde_json::json!(["GET /open", "/orders", "/assets/**", "/openapi.json"]);
    let app = service().set("plugins.shutter.config.open", open);
    let app = app.start().await.unwrap();
    for path in ["/open", "/assets/a.css", "/openapi.json"] {
        assert_eq!(get(&app, path, "").await.status(), 200, "{path}");
    }
    assert_eq!(app.request(Method::HEAD, "/open").await.status(), 200);
    // What says who may call it is not opened by a setting.
    problem(&get(&app, "/orders", "").await, 401, "http.unauthorized");
    problem(&get(&app, "/mounted", "").await, 401, "http.unauthorized");
}

#[tokio::test]
async fn they_stay_shut_where_the_plugin_is_not_there() {
    let open = || service().set("plugins.shutter.config.open", serde_json::json!(["/open"]));
    let disabled = open().set("plugins.shutter.enabled", false);
    let failed = open()
        .set("plugins.shutter.config.fails", true)
        .set("plugins.shutter.required", false);
    for (builder, state) in [
        (disabled, PluginState::Disabled),
        (failed, PluginState::Failed),
    ] {
        let app = builder.start().await.unwrap();
        assert_eq!(app.state("shutter"), state);
        for path in CLOSED {
            problem(&get(&app, path, "reader").await, 503, "auth.unavailable");
        }
        assert_eq!(get(&app, "/products", "").await.text(), "products");
    }
}

#[tokio::test]
async fn who_does_not_shut_them_opens_none() {
    let opens = plugin("opens", |cx| cx.open_routes([RoutePattern::all()]));
    let app = service().register(opens).start().await.unwrap();
    problem(&get(&app, "/open", "").await, 401, "http.unauthorized");
}

#[tokio::test]
async fn a_route_may_ask_for_one_of_several_roles() {
    let builder = TestChassis::builder()
        .register(said())
        .register(tokens(&Log::new()));
    let app = builder.start().await.unwrap();
    assert_eq!(get(&app, "/audit", "reader").await.text(), "audit");
    problem(&get(&app, "/audit", "").await, 401, "http.unauthorized");
    let told = problem(&get(&app, "/vault", "reader").await, 403, "auth.denied");
    assert!(
        told["detail"].as_str().unwrap().contains("`owner`"),
        "{told}"
    );
}

#[tokio::test]
async fn who_authorizes_sees_the_roles_of_the_route_and_may_give_them() {
    let promotes = plugin("promotes", |cx| {
        cx.filter(&points::AUTHORIZE, |access: &mut chassis::Access| {
            if access.roles == ["owner"] {
                access.principal.roles.insert("owner".to_owned());
            }
        });
    });
    let builder = TestChassis::builder()
        .register(said())
        .register(tokens(&Log::new()));
    let app = builder.register(promotes).start().await.unwrap();
    assert_eq!(get(&app, "/vault", "reader").await.text(), "vault");
}
