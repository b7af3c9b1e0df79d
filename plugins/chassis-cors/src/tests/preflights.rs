//! Questions before a request.

use super::*;

/// Asks whether a page may send something.
async fn ask(app: &TestChassis, path: &str, method: &str, headers: &str) -> TestResponse {
    let headers = [
        ("origin", APP),
        ("access-control-request-method", method),
        ("access-control-request-headers", headers),
    ];
    send(app, Method::OPTIONS, path, &headers).await
}

const VARY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

#[tokio::test]
async fn a_preflight_is_answered_with_all_that_is_allowed() {
    let app = start("[{origins: [https://app.example.com]}]").await;
    let answer = ask(&app, "/orders", "PUT", "authorization,content-type").await;
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.text(), "");
    assert_eq!(reader(&answer), (vec![APP], vec![VARY]));
    for (name, value) in [
        ("methods", Some("GET, HEAD, POST, PUT, PATCH, DELETE")),
        ("headers", Some("Authorization, Content-Type")),
        ("credentials", None),
        ("private-network", None),
    ] {
        let name = format!("access-control-allow-{name}");
        assert_eq!(answer.header(&name), value, "{name}");
    }
    assert_eq!(answer.header("access-control-max-age"), Some("600"));
    // What is exposed, is so on the answer itself.
    assert!(answer.header("access-control-expose-headers").is_none());
    assert!(answer.header("x-request-id").is_some());
}

#[tokio::test]
async fn what_is_set_is_what_is_said() {
    let app = start(
        "[{origins: [https://app.example.com], methods: [PUT], headers: [X-Api-Key, If-Match], credentials: true, \
          max_age: 2h, private_network: true, expose: [X-Total]}]",
    )
    .await;
    let headers = [
        ("origin", APP),
        ("access-control-request-method", "PUT"),
        ("access-control-request-private-network", "true"),
    ];
    let answer = send(&app, Method::OPTIONS, "/orders", &headers).await;
    for (name, value) in [
        ("access-control-allow-origin", APP),
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "X-Api-Key, If-Match"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-private-network", "true"),
        ("access-control-max-age", "7200"),
    ] {
        assert_eq!(all(&answer, name), [value], "{name}");
    }
    let vary = format!("{VARY}, Access-Control-Request-Private-Network");
    assert_eq!(all(&answer, "vary"), [vary]);
}

#[tokio::test]
async fn where_all_may_it_is_said_with_a_star() {
    let app = start("[{origins: ['*'], methods: ['*'], headers: ['*', Authorization]}]").await;
    let answer = ask(&app, "/orders", "PURGE", "x-anything, authorization").await;
    assert_eq!(all(&answer, "access-control-allow-origin"), ["*"]);
    assert_eq!(all(&answer, "access-control-allow-methods"), ["*"]);
    assert_eq!(
        all(&answer, "access-control-allow-headers"),
        ["*, Authorization"]
    );
    assert_eq!(
        (refused(&app, "method"), refused(&app, "headers")),
        ("0".into(), "0".into())
    );
}

#[tokio::test]
async fn who_is_not_allowed_is_told_nothing_and_counted() {
    let app = start("[{origins: [https://shop.example.com]}]").await;
    let answer = ask(&app, "/orders", "PUT", "x-secret").await;
    assert_eq!(answer.status(), 204);
    assert_eq!(reader(&answer), (vec![], vec![VARY]));
    let names = answer.headers().keys();
    let ours = names.filter(|name| name.as_str().starts_with("access-control"));
    assert_eq!(ours.count(), 0);
    assert_eq!(refused(&app, "origin"), "1");
}

#[tokio::test]
async fn what_is_not_among_the_methods_and_headers_is_counted() {
    let app =
        start("[{origins: [https://app.example.com], methods: [PUT], headers: [X-Api-Key]}]").await;
    // The browser is told what would be allowed, and tells its user.
    let answer = ask(&app, "/orders", "DELETE", "").await;
    assert_eq!(answer.header("access-control-allow-methods"), Some("PUT"));
    ask(&app, "/orders", "put", "").await;
    assert_eq!(refused(&app, "method"), "2");
    // A form may do these.
    ask(&app, "/orders", "POST", "X-API-KEY").await;
    assert_eq!(refused(&app, "method"), "2");
    assert_eq!(refused(&app, "headers"), "0");
    ask(&app, "/orders", "PUT", "x-api-key, authorization").await;
    assert_eq!(refused(&app, "headers"), "1");
}

#[tokio::test]
async fn a_star_for_headers_is_not_for_authorization() {
    let app = start("[{origins: ['*'], headers: ['*']}]").await;
    ask(&app, "/orders", "PUT", "x-anything").await;
    assert_eq!(refused(&app, "headers"), "0");
    ask(&app, "/orders", "PUT", "authorization").await;
    assert_eq!(refused(&app, "headers"), "1");
}

#[tokio::test]
async fn the_policy_is_that_of_the_method_that_is_asked_about() {
    let app = start(
        "[{routes: ['POST /orders'], origins: [https://app.example.com], methods: [POST]}, \
          {routes: [/orders], origins: [https://app.example.com], methods: [GET]}, \
          {routes: ['OPTIONS /**'], origins: ['*']}]",
    )
    .await;
    let methods = async |path: &str, method: &str| {
        let answer = ask(&app, path, method, "").await;
        let methods = answer.header("access-control-allow-methods");
        methods.map(ToOwned::to_owned)
    };
    assert_eq!(methods("/orders", "POST").await.as_deref(), Some("POST"));
    assert_eq!(methods("/orders", "GET").await.as_deref(), Some("GET"));
    // There is no such route; its path is compared.
    assert_eq!(methods("/orders", "DELETE").await.as_deref(), Some("GET"));
    // No policy for it: the service is asked, as about any other request.
    let answer = ask(&app, "/products", "GET", "").await;
    assert_eq!(answer.status(), 405);
    assert_eq!(reader(&answer), (vec!["*"], vec![]));
}

#[tokio::test]
async fn a_preflight_needs_no_credentials() {
    // Whatever a mounted router answers is for those who are known.
    let router = Router::new().route("/mounted", routing::put(async || "mounted"));
    let app = TestChassis::with::<Cors>()
        .plugin::<shop>()
        .plugin::<Shut>()
        .router(router)
        .config("plugins: {cors: {config: {policies: [{origins: [https://app.example.com]}]}}}")
        .start()
        .await
        .unwrap();
    for (path, method) in [("/me", "GET"), ("/options", "OPTIONS"), ("/mounted", "PUT")] {
        let answer = ask(&app, path, method, "authorization").await;
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(reader(&answer), (vec![APP], vec![VARY]), "{path}");
        let method = method.parse().unwrap();
        let answer = send(&app, method, path, &[("origin", APP)]).await;
        assert_eq!(answer.status(), 401, "{path}");
        assert_eq!(reader(&answer), (vec![APP], vec!["Origin"]), "{path}");
    }
}

/// Shuts all routes that do not say who may call them.
#[plugin]
struct Shut;

impl Plugin for Shut {
    type Config = NoConfig;

    const SHUTS_ROUTES: bool = true;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.route(Method::OPTIONS, "/options", async || "about me");
        Ok(Self)
    }
}

#[contributes]
impl Shut {}

#[tokio::test]
async fn other_options_are_for_the_service() {
    let policies = "[{origins: [https://app.example.com]}]";
    let app = service(policies)
        .plugin::<talkative>()
        .start()
        .await
        .unwrap();
    let answers = async |headers: &[(&str, &str)]| {
        let answer = send(&app, Method::OPTIONS, "/talk", headers).await;
        (answer.status().as_u16(), answer.text().to_owned())
    };
    let asks = ("access-control-request-method", "PUT");
    for headers in [&[][..], &[("origin", APP)], &[asks]] {
        assert_eq!(answers(headers).await, (200, "about me".to_owned()));
    }
    let nonsense = ("access-control-request-method", "P U T");
    assert_eq!(answers(&[("origin", APP), nonsense]).await.0, 200);
    assert_eq!(answers(&[("origin", APP), asks]).await.0, 204);
    // Of the server as a whole.
    let answer = send(&app, Method::OPTIONS, "*", &[("origin", APP), asks]).await;
    assert_eq!(answer.status(), 204);
}

/// Tells about itself.
#[plugin]
async fn talkative(cx: &mut PluginContext) -> Result<()> {
    cx.route(Method::OPTIONS, "/talk", async || "about me");
    Ok(())
}
