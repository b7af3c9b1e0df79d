//! How often somebody may ask, as `rate-limit` has it.

use super::{Setting, in_virtual_time};
use chassis::{Body, testing::TestChassis};
use chassis_greeter::Greeter;
use chassis_rate_limit::RateLimit;
use http::Request;

async fn limited(setting: Setting, more: &str) -> TestChassis {
    let builder = TestChassis::with::<RateLimit>()
        .plugin::<Greeter>()
        .set("server.trusted_proxies", vec!["127.0.0.0/8"])
        .config(setting.yaml());
    let builder = match more {
        "" => builder,
        rate => builder.set(
            "plugins.rate-limit.config.limits",
            vec![serde_json::json!({ "rate": rate })],
        ),
    };
    builder.start().await.expect("the service starts")
}

async fn status(app: &TestChassis, client: &str) -> u16 {
    let request = Request::get("/hello/Ada").header("x-forwarded-for", client);
    let request = request.body(Body::empty()).expect("it is a request");
    app.send(request).await.status().as_u16()
}

/// What the answer says of the limit.
pub(super) fn policy(setting: Setting) -> String {
    in_virtual_time(async {
        let app = limited(setting, "").await;
        let answer = app.get("/hello/Ada").await;
        let policy = answer.header("ratelimit-policy").unwrap_or_default();
        let policy = policy.replace("\";q=", ": ").replace(";w=", " in ");
        format!("{} s", policy.trim_start_matches('"'))
    })
}

pub(super) fn routes(setting: Setting) -> String {
    in_virtual_time(async {
        let app = limited(setting, "").await;
        let mut limited = Vec::new();
        for path in ["/hello", "/nowhere"] {
            if app.get(path).await.header("ratelimit").is_some() {
                limited.push(path);
            }
        }
        format!("limited: {}", limited.join(", "))
    })
}

pub(super) fn room(setting: Setting) -> String {
    in_virtual_time(async {
        let app = limited(setting, "1/h").await;
        for client in 0..3_000 {
            let [.., high, low] = u32::to_be_bytes(client);
            if status(&app, &format!("192.0.{high}.{low}")).await == 429 {
                return "some have no room".to_owned();
            }
        }
        "everybody has room".to_owned()
    })
}

pub(super) fn networks(setting: Setting) -> String {
    in_virtual_time(async {
        let app = limited(setting, "1/h").await;
        status(&app, "2001:db8:0:1::1").await;
        match status(&app, "2001:db8:0:2::1").await {
            200 => "two clients".to_owned(),
            _ => "one client".to_owned(),
        }
    })
}
