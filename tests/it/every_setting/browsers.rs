//! What browsers are told, as `cors` and `security-headers` have it.

use super::{Setting, in_virtual_time};
use crate::made::plugin;
use chassis::{Body, Registration, testing::TestChassis};
use chassis_cors::Cors;
use chassis_greeter::Greeter;
use chassis_security_headers::SecurityHeaders;
use http::{Method, Request};

/// The name of a header, by the end of a setting's path.
const NAMES: &[(&str, &str)] = &[
    (".methods", "access-control-allow-methods"),
    (".headers", "access-control-allow-headers"),
    (".expose", "access-control-expose-headers"),
    (".credentials", "access-control-allow-credentials"),
    (".max_age", "access-control-max-age"),
    (".private_network", "access-control-allow-private-network"),
    (".nosniff", "x-content-type-options"),
    (".frame_options", "x-frame-options"),
    (".referrer_policy", "referrer-policy"),
    (".content_security_policy", "content-security-policy"),
    (".permissions_policy", "permissions-policy"),
    (".cross_origin_opener_policy", "cross-origin-opener-policy"),
    (
        ".cross_origin_resource_policy",
        "cross-origin-resource-policy",
    ),
    (
        ".cross_origin_embedder_policy",
        "cross-origin-embedder-policy",
    ),
    (".X-Own", "x-own"),
];

/// Says what it is made of.
fn open_hearted() -> Registration {
    plugin("open-hearted", |cx| {
        let headers = [("x-powered-by", "php"), ("x-made-by", "me")];
        cx.get("/made", async move || headers);
    })
}

/// The answer's headers, of a page elsewhere whose client came by https.
async fn asked(setting: Setting, method: Method, path: &str) -> http::HeaderMap {
    let mut builder = TestChassis::with::<Cors>()
        .plugin::<SecurityHeaders>()
        .plugin::<Greeter>()
        .register(open_hearted())
        .set("server.trusted_proxies", vec!["127.0.0.0/8"])
        .config(setting.yaml());
    if setting.path.ends_with(".preload") {
        // Without, it is refused.
        builder = builder.set(
            "plugins.security-headers.config.hsts.include_subdomains",
            true,
        );
    }
    let app = builder.start().await.expect("the service starts");
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "GET")
        .header("access-control-request-private-network", "true")
        .header("x-forwarded-proto", "https");
    let request = request.body(Body::empty()).expect("it is a request");
    app.send(request).await.headers().clone()
}

fn shown(headers: &http::HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or("nothing").to_owned()
}

fn name(setting: Setting) -> &'static str {
    let mut names = NAMES.iter();
    let found = names.find(|(end, _)| setting.path.ends_with(end));
    found.expect("it has a name").1
}

/// What the answer to a preflight says.
pub(super) fn preflight(setting: Setting) -> String {
    in_virtual_time(async {
        let headers = asked(setting, Method::OPTIONS, "/hello/Ada").await;
        shown(&headers, name(setting))
    })
}

/// What an answer says: one that is JSON.
pub(super) fn header(setting: Setting) -> String {
    in_virtual_time(async {
        let headers = asked(setting, Method::GET, "/nowhere").await;
        shown(&headers, name(setting))
    })
}

/// What an answer says of https.
pub(super) fn https(setting: Setting) -> String {
    in_virtual_time(async {
        let headers = asked(setting, Method::GET, "/nowhere").await;
        shown(&headers, "strict-transport-security")
    })
}

/// What an answer still says of what it is made of.
pub(super) fn left(setting: Setting) -> String {
    in_virtual_time(async {
        let headers = asked(setting, Method::GET, "/made").await;
        let names = ["x-powered-by", "x-made-by"];
        let left = names.into_iter().filter(|name| headers.contains_key(*name));
        left.collect::<Vec<_>>().join(", ")
    })
}

/// Who may read what.
pub(super) fn readers(setting: Setting) -> String {
    by_route(setting, "access-control-allow-origin")
}

/// Who may frame what.
pub(super) fn frames(setting: Setting) -> String {
    by_route(setting, "x-frame-options")
}

fn by_route(setting: Setting, name: &str) -> String {
    in_virtual_time(async {
        let here = asked(setting, Method::GET, "/hello/Ada").await;
        let elsewhere = asked(setting, Method::GET, "/nowhere").await;
        format!("{}, {}", shown(&here, name), shown(&elsewhere, name))
    })
}
