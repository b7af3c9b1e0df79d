//! The plugin that is not there, or not well: no route that is protected answers with a success.

use crate::made::{NAME, PROTECTED, SECRET, Signer, get, orders, service, settings, token};
use chassis::{
    PluginState, code,
    testing::{TestBuilder, TestChassis},
};
use chassis_jwt_authentication::JwtAuthentication;
use serde_json::{Value, json};

fn set(key: &str, value: impl Into<Value>) -> TestBuilder {
    service(settings()).set(&format!("plugins.{NAME}.{key}"), value)
}

async fn is_shut(app: &TestChassis) {
    let right = token(&Signer::secret(SECRET), &json!({"roles": ["auditor"]}));
    for path in PROTECTED.into_iter().chain(["/products"]) {
        for token in ["", "guess", &right] {
            let answer = get(app, path, token).await;
            assert_eq!(answer.status(), 503, "{path}: {}", answer.text());
            assert_eq!(answer.json::<Value>()["code"], "auth.unavailable");
        }
    }
}

#[tokio::test]
async fn it_is_required() {
    let builder = || TestChassis::with::<JwtAuthentication>().plugin::<orders>();
    let error = builder().start_error().await;
    assert_eq!(error.code(), code::CONFIG_MISSING);
    assert!(error.report().contains("jwt_secret"), "{}", error.report());
    let error = set(
        "config.issuers",
        json!([{
            "issuer": "set", "algorithm": "RS256", "jwks_url": "https://id.example.com/jwks", "jwks_ca": "/no/such/file",
        }]),
    );
    let error = error.start_error().await;
    assert_eq!(error.code(), code::REQUIRED, "{}", error.report());
}

#[tokio::test]
async fn one_that_could_not_be_built_lets_nobody_pass() {
    let unreadable = json!([{
        "issuer": "set", "algorithm": "RS256", "jwks_url": "https://id.example.com/jwks", "jwks_ca": "/no/such/file",
    }]);
    let app = set("config.issuers", unreadable).set(&format!("plugins.{NAME}.required"), false);
    let app = app.start().await.unwrap();
    assert_eq!(app.state(NAME), PluginState::Failed);
    is_shut(&app).await;
}

#[tokio::test]
async fn one_that_is_disabled_lets_nobody_pass() {
    // That alone is not enough to go on without it.
    let error = set("enabled", false).start_error().await;
    assert_eq!(error.code(), code::REQUIRED);
    let app = set("enabled", false).set(&format!("plugins.{NAME}.required"), false);
    let app = app.start().await.unwrap();
    assert_eq!(app.state(NAME), PluginState::Disabled);
    is_shut(&app).await;
}

#[tokio::test]
async fn to_open_all_routes_has_to_be_said() {
    let app = set("config.public", json!(["/**"])).start().await.unwrap();
    assert_eq!(get(&app, "/silent", "").await.text(), "silent");
    // Not those that say who may call them.
    for path in ["/orders", "/write", "/audit", "/me"] {
        assert_eq!(get(&app, path, "").await.status(), 401, "{path}");
    }
}
