//! Users with passwords.

use crate::made::{PROTECTED, challenges, counted, get, send, service};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chassis::{
    prelude::*,
    testing::{TestChassis, TestResponse},
};
use serde_json::{Value, json};

/// Of `correct horse`, with few rounds.
const HASH: &str =
    "pbkdf2-sha256$100000$MDEyMzQ1Njc4OWFiY2RlZg$WYEVV1ul0qBt7iGnOFpq5RmH0aOFvmOKTlUAgn9mWYM";

fn settings() -> Value {
    json!({"basic": {"users": [
        {"name": "ada", "password": HASH, "scopes": ["orders:read"]},
        {"name": "bob", "password": HASH},
    ]}})
}

async fn ask(app: &TestChassis, path: &str, sent: &str) -> TestResponse {
    send(
        app,
        path,
        &[format!("Basic {}", STANDARD.encode(sent)).as_bytes()],
    )
    .await
}

#[tokio::test]
async fn a_user_is_known_by_name_and_password() {
    let app = service(settings()).start().await.unwrap();
    for _ in 0..3 {
        assert_eq!(
            ask(&app, "/orders", "ada:correct horse").await.text(),
            "orders"
        );
    }
    let me: Principal = ask(&app, "/me", "bob:correct horse").await.json();
    assert_eq!(me.subject, "bob");
    assert_eq!(
        ask(&app, "/orders", "bob:correct horse").await.status(),
        403
    );
    assert_eq!(counted(&app, "basic", "accepted"), 5);
}

#[tokio::test]
async fn others_are_not_let_in() {
    let app = service(settings()).start().await.unwrap();
    // What was right once does not make right what is wrong.
    assert_eq!(
        ask(&app, "/orders", "ada:correct horse").await.status(),
        200
    );
    let long = format!("ada:{}", "x".repeat(2_000));
    for sent in [
        "ada:",
        "ada:correct horse ",
        "ada:Correct horse",
        "eve:correct horse",
        ":",
        "ada",
        "",
        &long,
    ] {
        let answer = ask(&app, "/orders", sent).await;
        assert_eq!(answer.status(), 401, "{sent}");
        assert_eq!(
            challenges(&answer),
            ["Basic realm=\"service\", charset=\"UTF-8\""]
        );
    }
    for authorization in [&b"Basic"[..], b"Basic ****", b"Basic \xff"] {
        assert_eq!(send(&app, "/orders", &[authorization]).await.status(), 401);
    }
    for path in PROTECTED {
        let nobody = get(&app, path, "").await;
        assert_eq!(nobody.status(), 401);
        assert_eq!(
            challenges(&nobody),
            ["Basic realm=\"service\", charset=\"UTF-8\""]
        );
    }
}
