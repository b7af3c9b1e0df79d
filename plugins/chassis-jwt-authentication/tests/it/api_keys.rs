//! Keys of programs.

use crate::made::{PROTECTED, SECRET, Signer, challenges, counted, service, token};
use chassis::{
    Body,
    prelude::*,
    testing::{TestChassis, TestResponse},
};
use http::Request;
use serde_json::{Value, json};

const KEY: &str = "MX8v4lOq0Zz3Wn6T1pUe7RkCyJbGsAhD";
/// `printf MX8v.. | sha256sum`
const HASH: &str = "14ad6bd9082291369297211c90d733435e7f6176d16fee6a1e630ea426b76f1f";

fn settings() -> Value {
    let other = "00".repeat(32);
    json!({"api_keys": {"keys": [
        {"name": "till", "sha256": other},
        {"name": "billing", "sha256": HASH.to_uppercase(), "scopes": ["orders:read"], "roles": ["auditor"]},
    ]}})
}

async fn ask(app: &TestChassis, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_key_is_known_by_its_hash() {
    let app = service(settings()).start().await.unwrap();
    let key = [("x-api-key", KEY)];
    assert_eq!(ask(&app, "/orders", &key).await.text(), "orders");
    assert_eq!(ask(&app, "/audit", &key).await.text(), "audit");
    assert_eq!(ask(&app, "/write", &key).await.status(), 403);
    let me: Principal = ask(&app, "/me", &key).await.json();
    assert_eq!(me.subject, "billing");
    assert_eq!(counted(&app, "api_key", "accepted"), 4);
}

#[tokio::test]
async fn others_are_not_let_in() {
    let app = service(settings()).start().await.unwrap();
    let long = KEY.repeat(17);
    let other = KEY.replace('M', "N");
    let wrong: [&[(&str, &str)]; 7] = [
        &[("x-api-key", "")],
        &[("x-api-key", &KEY[1..])],
        &[("x-api-key", &long)],
        &[("x-api-key", &other)],
        &[("x-api-key", HASH)],
        &[("x-api-key", KEY), ("x-api-key", KEY)],
        &[("x-api-key", "schlüsselschlüsselschlüsselschlüssel")],
    ];
    for headers in wrong {
        for path in PROTECTED {
            let answer = ask(&app, path, headers).await;
            assert_eq!(answer.status(), 401, "{headers:?}");
            assert_eq!(challenges(&answer), ["ApiKey realm=\"service\""]);
        }
    }
    let nobody = ask(&app, "/orders", &[]).await;
    assert_eq!(
        (nobody.status().as_u16(), challenges(&nobody)),
        (401, vec!["Bearer"])
    );
    // Where no key is known, nobody looks at them.
    let app = service(json!({"jwt_secret": SECRET}))
        .start()
        .await
        .unwrap();
    let answer = ask(&app, "/orders", &[("x-api-key", KEY)]).await;
    assert_eq!(challenges(&answer), ["Bearer realm=\"service\""]);
}

#[tokio::test]
async fn they_stand_beside_tokens() {
    let mut both = settings();
    both["jwt_secret"] = SECRET.into();
    both["api_keys"]["header"] = "Key".into();
    let app = service(both).start().await.unwrap();
    assert_eq!(ask(&app, "/orders", &[("key", KEY)]).await.status(), 200);
    let right = token(&Signer::secret(SECRET), &json!({"aud": null}));
    let right = format!("Bearer {right}");
    assert_eq!(
        ask(&app, "/orders", &[("authorization", &right)])
            .await
            .status(),
        200
    );
    // A token that is wrong is not made good by a key.
    let headers = [("authorization", "Bearer x"), ("key", KEY)];
    assert_eq!(ask(&app, "/orders", &headers).await.status(), 401);
}
