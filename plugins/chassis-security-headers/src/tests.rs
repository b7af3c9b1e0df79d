//! The plugin, seen from outside.

use super::*;
use chassis::{
    Body, PluginState,
    axum::{Router, http::Request, response::Html, routing},
    testing::{TestBuilder, TestChassis, TestResponse},
};
use serde_json::json;

mod reloads;
mod settings;

/// Answers of several kinds.
#[plugin]
async fn pages(cx: &mut PluginContext) -> Result<()> {
    cx.get("/data", async || Json(json!({ "a": 1 })));
    cx.get("/page", async || Html("<p>hello</p>"));
    cx.get("/docs/{name}", async || Html("<p>docs</p>"));
    cx.get("/text", async || "hello");
    cx.get("/unchanged", async || StatusCode::NOT_MODIFIED);
    cx.get("/own", async || {
        let headers = [
            ("x-frame-options", "SAMEORIGIN"),
            ("content-security-policy", "default-src 'self'"),
            ("strict-transport-security", "max-age=1"),
            ("server", "tomcat"),
            ("x-powered-by", "php"),
        ];
        (headers, Json(json!({})))
    });
    cx.get("/error", async || Error::msg("no"));
    cx.get("/panic", async || -> &'static str { panic!("no") });
    Ok(())
}

fn service(config: &str) -> TestBuilder {
    TestChassis::with::<SecurityHeaders>()
        .plugin::<pages>()
        .config(format!(
            "server: {{trusted_proxies: [127.0.0.0/8]}}\nplugins: {{security-headers: {{config: {config}}}}}\n"
        ))
}

async fn start(config: &str) -> TestChassis {
    service(config).start().await.unwrap()
}

/// `GET`, by a client that came in this way.
async fn by(app: &TestChassis, scheme: &str, path: &str) -> TestResponse {
    let request = Request::get(path).header("x-forwarded-proto", scheme);
    app.send(request.body(Body::empty()).unwrap()).await
}

/// What each of these headers says.
fn said<'a>(answer: &'a TestResponse, names: &[&str]) -> Vec<Option<&'a str>> {
    names.iter().map(|name| answer.header(name)).collect()
}

const NAMES: [&str; 4] = [
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "content-security-policy",
];

#[tokio::test]
async fn by_default_every_answer_has_those_that_break_nothing() {
    let router = Router::new().route("/mounted", routing::get(async || "mounted"));
    let app = service("{}").router(router).start().await.unwrap();
    let of_data = Some("default-src 'none'; frame-ancestors 'none'");
    for (path, status, policy) in [
        ("/data", 200, of_data),
        ("/nowhere", 404, of_data),
        ("/error", 500, of_data),
        ("/panic", 500, of_data),
        // The policy of data would break what may be a page, now or when it is taken out of a cache.
        ("/page", 200, None),
        ("/text", 200, None),
        ("/mounted", 200, None),
        ("/unchanged", 304, None),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        let expected = [Some("nosniff"), Some("DENY"), Some("no-referrer"), policy];
        assert_eq!(said(&answer, &NAMES), expected, "{path}");
        // Those that are old, or break something.
        for name in [
            "x-xss-protection",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
            "cross-origin-embedder-policy",
            "permissions-policy",
            "strict-transport-security",
        ] {
            assert_eq!(answer.header(name), None, "{path} {name}");
        }
    }
    let refused = app.request(Method::DELETE, "/data").await;
    assert_eq!(refused.status(), 405);
    assert_eq!(said(&refused, &NAMES)[0], Some("nosniff"));
    assert_eq!(app.state("security-headers"), PluginState::Running);
}

#[tokio::test]
async fn what_a_handler_has_set_stays() {
    let app = start("{extra: {X-Frame-Rate: '60'}}").await;
    let answer = by(&app, "https", "/own").await;
    let names = [
        "x-frame-options",
        "content-security-policy",
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-rate",
    ];
    let expected = [
        Some("SAMEORIGIN"),
        Some("default-src 'self'"),
        Some("max-age=1"),
        Some("nosniff"),
        Some("60"),
    ];
    assert_eq!(said(&answer, &names), expected);
    for name in names {
        assert_eq!(answer.headers().get_all(name).iter().count(), 1, "{name}");
    }
}

#[tokio::test]
async fn what_tells_of_the_inside_is_taken_off() {
    let app = start("{}").await;
    let names = ["server", "x-powered-by"];
    let answer = app.get("/own").await;
    assert_eq!(said(&answer, &names), [None, None]);
    let app = start("{remove: [X-Powered-By]}").await;
    let answer = app.get("/own").await;
    assert_eq!(said(&answer, &names), [Some("tomcat"), None]);
    // What is taken off, and set here, is as it is set here.
    let app = start("{remove: [X-Frame-Options]}").await;
    let answer = app.get("/own").await;
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn each_of_them_can_be_another_or_none() {
    let app = start(
        "{nosniff: false, frame_options: SAMEORIGIN, referrer_policy: same-origin, \
          content_security_policy: \"default-src 'self'\", permissions_policy: 'camera=(), geolocation=(self)', \
          cross_origin_opener_policy: same-origin, cross_origin_resource_policy: same-site, \
          cross_origin_embedder_policy: require-corp, extra: {X-DNS-Prefetch-Control: 'off', X-Permitted: none}}",
    )
    .await;
    for path in ["/page", "/data", "/nowhere"] {
        let answer = app.get(path).await;
        for (name, value) in [
            ("x-content-type-options", None),
            ("x-frame-options", Some("SAMEORIGIN")),
            ("referrer-policy", Some("same-origin")),
            ("content-security-policy", Some("default-src 'self'")),
            ("permissions-policy", Some("camera=(), geolocation=(self)")),
            ("cross-origin-opener-policy", Some("same-origin")),
            ("cross-origin-resource-policy", Some("same-site")),
            ("cross-origin-embedder-policy", Some("require-corp")),
            ("x-permitted", Some("none")),
            ("x-dns-prefetch-control", None),
        ] {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
    }
    let app = start(
        "{nosniff: false, frame_options: off, referrer_policy: null, content_security_policy: off, remove: []}",
    )
    .await;
    for path in ["/page", "/data"] {
        assert_eq!(said(&app.get(path).await, &NAMES), [None; 4]);
    }
}

#[tokio::test]
async fn some_routes_have_others() {
    let app = start(
        "{extra: {X-A: a, X-B: b}, routes: [\
           {routes: [/docs/inner], frame_options: null, extra: {x-a: off, X-C: c}}, \
           {routes: ['/docs/**', 'GET /page'], frame_options: SAMEORIGIN, nosniff: false, \
            content_security_policy: \"default-src 'self'\", referrer_policy: off}]}",
    )
    .await;
    let names = [
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "content-security-policy",
        "x-a",
        "x-b",
        "x-c",
    ];
    let here = "default-src 'self'";
    let usual = [
        Some("nosniff"),
        Some("DENY"),
        Some("no-referrer"),
        None,
        Some("a"),
        Some("b"),
        None,
    ];
    let docs = [
        None,
        Some("SAMEORIGIN"),
        None,
        Some(here),
        Some("a"),
        Some("b"),
        None,
    ];
    for (path, expected) in [
        ("/text", usual),
        ("/docs/setup", docs),
        ("/page", docs),
        // There is no route, so the path is compared.
        ("/docs/setup/further", docs),
    ] {
        assert_eq!(said(&app.get(path).await, &names), expected, "{path}");
    }
    let other = app.request(Method::DELETE, "/page").await;
    assert_eq!(other.header("x-frame-options"), Some("DENY"));
    // The first that is for it counts, and no other.
    let app = start("{extra: {X-A: a}, routes: [{routes: [/page], frame_options: null, extra: {x-a: off, X-C: c}}, {routes: [/page], nosniff: false}]}").await;
    let first = [
        Some("nosniff"),
        None,
        Some("no-referrer"),
        None,
        None,
        None,
        Some("c"),
    ];
    assert_eq!(said(&app.get("/page").await, &names), first);
}

#[tokio::test]
async fn https_is_asked_for_where_the_client_has_come_by_https() {
    const HSTS: &str = "strict-transport-security";
    let app = start("{}").await;
    for path in ["/data", "/nowhere", "/panic"] {
        let answer = by(&app, "https", path).await;
        assert_eq!(answer.header(HSTS), Some("max-age=31536000"), "{path}");
        // RFC 6797, 7.2: never over http.
        assert_eq!(by(&app, "http", path).await.header(HSTS), None);
        assert_eq!(app.get(path).await.header(HSTS), None);
    }
    for (config, expected) in [
        ("{enabled: false}", None),
        ("{max_age: 0s}", Some("max-age=0")),
        ("{max_age: 36h}", Some("max-age=129600")),
        (
            "{include_subdomains: true}",
            Some("max-age=31536000; includeSubDomains"),
        ),
        (
            "{max_age: 730d, include_subdomains: true, preload: true}",
            Some("max-age=63072000; includeSubDomains; preload"),
        ),
    ] {
        let app = start(&format!("{{hsts: {config}}}")).await;
        assert_eq!(
            by(&app, "https", "/data").await.header(HSTS),
            expected,
            "{config}"
        );
    }
}

#[tokio::test]
async fn who_is_no_proxy_does_not_say_that_it_has_come_by_https() {
    let app = TestChassis::with::<SecurityHeaders>().plugin::<pages>();
    let app = app.start().await.unwrap();
    let answer = by(&app, "https", "/data").await;
    assert_eq!(answer.header("strict-transport-security"), None);
}
