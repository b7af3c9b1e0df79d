//! What is wrong with settings is said, with what to do, and without the secrets.

use crate::made::{ED, NAME, SECRET, service, settings};
use chassis::code;
use serde_json::{Value, json};

async fn refused(settings: Value) -> String {
    let error = service(settings).start_error().await;
    assert_eq!(error.code(), code::CONFIG_INVALID, "{}", error.report());
    error.report()
}

/// The settings of one issuer, changed.
fn one(change: &Value) -> Value {
    let issuer = json!({"issuer": "me", "algorithm": "EdDSA", "public_key": ED.pem(), "audience": ["orders"]});
    json!({ "issuers": [crate::made::changed(issuer, change)] })
}

#[tokio::test]
async fn a_weak_secret_is_refused() {
    for secret in ["hunter2-hunter2-hunter2-hunter2", ""] {
        for settings in [
            json!({ "jwt_secret": secret }),
            one(&json!({"algorithm": "HS256", "secret": secret, "public_key": null})),
        ] {
            let told = refused(settings).await;
            assert!(told.contains("RFC 7518, section 3.2"), "{told}");
            assert!(
                told.contains(&format!("it has {} bytes", secret.len())),
                "{told}"
            );
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
    let told = refused(json!({"jwt_secret": "short"})).await;
    assert!(
        told.contains(&format!("`plugins.{NAME}.config.jwt_secret`")),
        "{told}"
    );
    assert!(told.contains("openssl rand -base64 48"), "{told}");
}

#[tokio::test]
async fn an_issuer_has_one_key_of_its_algorithm() {
    for (change, said) in [
        (json!({"public_key": null}), "one of `secret`"),
        (json!({"secret": SECRET}), "one of `secret`"),
        (json!({"secret": SECRET, "public_key": null}), "for HS256"),
        (json!({"algorithm": "HS256"}), "HS256 has a secret"),
        (json!({"algorithm": "RS256"}), "no RSA key"),
        (json!({"algorithm": "ES256"}), "no key for ES256"),
        (json!({"public_key": "hunter2"}), "no public key in PEM"),
        (
            json!({"public_key": "-----BEGIN PRIVATE KEY-----"}),
            "it is a private key",
        ),
        (json!({"audience": null}), "no `audience`"),
        (json!({"issuer": ""}), "its name is empty"),
        (json!({"jwks_ca": "ca.pem"}), "`jwks_ca` is for `jwks_url`"),
        (
            json!({"public_key": null, "jwks_url": "http://id.example.com/"}),
            "over `https` only",
        ),
        (
            json!({"public_key": null, "jwks_url": "https://id.example.com/", "key_id": "a"}),
            "`key_id` is for one key",
        ),
        (
            json!({"public_key": null, "jwks_url": "https://id.example.com/", "algorithm": "HS256"}),
            "can't be for HS256",
        ),
    ] {
        let told = refused(one(&change)).await;
        assert!(told.contains(said) && told.contains("number 1"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn two_that_can_not_be_told_apart_are_refused() {
    let issuer = |kid: Value| {
        json!({
            "issuer": "me", "algorithm": "EdDSA", "public_key": ED.pem(), "audience": ["a"], "key_id": kid,
        })
    };
    for (one, other) in [
        (json!(null), json!(null)),
        (json!("a"), json!("a")),
        (json!("a"), json!(null)),
        (json!(null), json!("a")),
    ] {
        let told = refused(json!({"issuers": [issuer(one), issuer(other)]})).await;
        assert!(
            told.contains("number 2") && told.contains("`key_id` of its own"),
            "{told}"
        );
    }
    let told =
        refused(json!({"jwt_secret": SECRET, "issuer": "me", "issuers": [issuer(json!(null))]}))
            .await;
    assert!(told.contains("it stands there already"), "{told}");
}

#[tokio::test]
async fn all_else_is_told_by_its_key() {
    for (key, value, said) in [
        ("leeway", json!("11m"), "more than 10m"),
        ("jwks", json!({"timeout": "31s"}), "more than 30s"),
        ("jwks", json!({"timeout": "0s"}), "is zero"),
        ("jwks", json!({"max_stale": "1m"}), "less than `refresh`"),
        ("public", json!(["products"]), "does not begin with `/`"),
        ("realm", json!("a\"b"), "can't stand in a header"),
        ("jwt_algorithm", json!("none"), "HS256"),
        ("api_keys", json!({"header": "a b"}), "no header name"),
        (
            "api_keys",
            json!({"keys": [{"name": "a", "sha256": "b"}]}),
            "64 hexadecimal digits",
        ),
        (
            "basic",
            json!({"users": [{"name": "a", "password": "hunter2"}]}),
            "no hash",
        ),
        (
            "basic",
            json!({"users": [{"name": "a:b", "password": "hunter2"}]}),
            "has a colon",
        ),
    ] {
        let mut settings = settings();
        settings[key] = value;
        let told = refused(settings).await;
        assert!(told.contains(said), "{told}");
        assert!(
            told.contains(&format!("plugins.{NAME}.config.{key}")),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let mut all = settings();
    all["jwt_secret"] = "another secret of 32 bytes, not to be shown".into();
    let app = service(all).start().await.unwrap();
    let shown = format!("{:?}", app.handle().plugins().unwrap());
    assert!(
        !shown.contains(SECRET) && !shown.contains("not to be shown"),
        "{shown}"
    );
}
