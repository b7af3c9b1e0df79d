//! What is let in, and what for.

use crate::made::{
    EC, ED, RSA, SECRET, Signer, challenges, claims, counted, get, send, service, settings, sign,
    start, token, token_of,
};
use chassis::prelude::*;
use serde_json::json;

#[tokio::test]
async fn each_algorithm_is_known_by_its_key() {
    let app = start().await;
    let all = [
        token(&Signer::secret(SECRET), &json!({})),
        token(&RSA, &json!({"iss": "rs"})),
        token(&EC, &json!({"iss": "es"})),
        token_of(&ED, "one", &json!({"iss": "ed"})),
    ];
    for token in &all {
        assert_eq!(
            get(&app, "/orders", token).await.text(),
            "orders",
            "{token}"
        );
        assert_eq!(get(&app, "/silent", token).await.text(), "silent");
    }
    assert_eq!(counted(&app, "bearer", "accepted"), 8);
}

#[tokio::test]
async fn handlers_are_told_what_the_token_says() {
    let app = start().await;
    let change = json!({"scope": "a b", "scp": ["c"], "roles": ["staff"], "team": 7});
    let me: Principal = get(&app, "/me", &token(&Signer::secret(SECRET), &change))
        .await
        .json();
    assert_eq!(me.subject, "ada");
    assert_eq!(me.scopes.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(me.has_role("staff") && me.claims["team"] == 7 && me.claims["iss"] == "hs");
}

#[tokio::test]
async fn scopes_and_roles_of_routes_are_asked_for() {
    let app = start().await;
    let reader = token(&Signer::secret(SECRET), &json!({}));
    for (path, code) in [("/write", "auth.missing_scope"), ("/audit", "auth.denied")] {
        let refused = get(&app, path, &reader).await;
        assert_eq!(refused.status(), 403);
        assert_eq!(refused.json::<serde_json::Value>()["code"], code);
        assert!(challenges(&refused).is_empty());
    }
    let change = json!({"scope": "orders:write", "roles": ["auditor"]});
    let writer = token(&Signer::secret(SECRET), &change);
    assert_eq!(get(&app, "/write", &writer).await.text(), "written");
    assert_eq!(get(&app, "/audit", &writer).await.text(), "audit");
}

#[tokio::test]
async fn forms_that_are_allowed() {
    let app = start().await;
    let secret = Signer::secret(SECRET);
    let text = claims(&json!({})).to_string();
    let mut all = Vec::new();
    for header in [
        r#"{"alg":"HS256"}"#,
        r#"{"typ":"at+jwt","alg":"HS256","kid":"any"}"#,
        r#"{"typ":"application/at+jwt","alg":"HS256"}"#,
        r#"{"alg":"HS256","jku":"https://evil.example/","x":[1]}"#,
    ] {
        all.push(sign(header, &text, &secret));
    }
    let now = crate::made::now();
    for change in [
        json!({"aud": ["shop", "orders"]}),
        json!({"exp": now - 30}),
        json!({"nbf": now + 30}),
        json!({"exp": now as f64 + 9.5}),
    ] {
        all.push(token(&secret, &change));
    }
    for token in &all {
        assert_eq!(get(&app, "/orders", token).await.status(), 200, "{token}");
    }
    for scheme in ["bearer ", "BEARER   "] {
        let value = format!("{scheme}{}", all[0]);
        assert_eq!(
            send(&app, "/orders", &[value.as_bytes()]).await.status(),
            200
        );
    }
}

#[tokio::test]
async fn one_key_is_enough() {
    for (algorithm, key, signer) in [
        ("HS256", SECRET.to_owned(), &Signer::secret(SECRET)),
        ("RS256", RSA.pem(), &*RSA),
        ("ES256", EC.pem(), &*EC),
        ("EdDSA", ED.pem(), &*ED),
    ] {
        let settings = json!({"jwt_secret": key, "jwt_algorithm": algorithm});
        let app = service(settings).start().await.unwrap();
        let right = token(signer, &json!({"aud": null, "iss": "anybody"}));
        assert_eq!(
            get(&app, "/orders", &right).await.status(),
            200,
            "{algorithm}"
        );
        // It is for somebody, and nobody has said that it is us.
        let other = token(signer, &json!({}));
        assert_eq!(get(&app, "/orders", &other).await.status(), 401);
        let app = service(json!({
            "jwt_secret": key, "jwt_algorithm": algorithm, "issuer": "me", "audience": ["orders"],
        }));
        let app = app.start().await.unwrap();
        assert_eq!(get(&app, "/orders", &other).await.status(), 401);
        let right = token(signer, &json!({"iss": "me"}));
        assert_eq!(get(&app, "/orders", &right).await.status(), 200);
    }
}

#[tokio::test]
async fn what_is_public_is_for_everybody() {
    let app = start().await;
    assert_eq!(get(&app, "/products", "").await.text(), "products");
    // It is not looked at who it is: nobody asks.
    assert_eq!(get(&app, "/products", "guess").await.text(), "products");
    let mut closed = settings();
    closed["public"] = json!([]);
    let app = service(closed).start().await.unwrap();
    assert_eq!(get(&app, "/products", "").await.status(), 401);
}

#[tokio::test]
async fn without_a_token_the_answer_says_what_would_do() {
    let app = start().await;
    for authorization in [&[][..], &[b"Basic YTpi".as_slice()]] {
        let answer = send(&app, "/orders", authorization).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(challenges(&answer), ["Bearer realm=\"service\""]);
    }
    let mut named = settings();
    named["realm"] = "shop".into();
    let app = service(named).start().await.unwrap();
    let answer = get(&app, "/orders", "").await;
    assert_eq!(challenges(&answer), ["Bearer realm=\"shop\""]);
}
