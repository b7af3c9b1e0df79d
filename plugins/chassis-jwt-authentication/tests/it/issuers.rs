//! Several issuers, and several keys of one.

use crate::made::{EC, ED, RSA, SECRET, Signer, get, service, token, token_of};
use serde_json::json;

#[tokio::test]
async fn an_issuer_may_have_an_old_key_and_a_new_one() {
    let new = Signer::ed();
    let app = service(json!({
        "audience": ["orders"],
        "issuers": [
            {"issuer": "me", "algorithm": "EdDSA", "public_key": ED.pem(), "key_id": "old"},
            {"issuer": "me", "algorithm": "EdDSA", "public_key": new.pem(), "key_id": "new"},
            {"issuer": "me", "algorithm": "ES256", "public_key": EC.pem(), "key_id": "curve"},
        ],
    }));
    let app = app.start().await.unwrap();
    let me = json!({"iss": "me"});
    for (token, status) in [
        (token_of(&ED, "old", &me), 200),
        (token_of(&new, "new", &me), 200),
        (token_of(&EC, "curve", &me), 200),
        (token_of(&new, "old", &me), 401),
        (token_of(&EC, "old", &me), 401),
        (token_of(&ED, "older", &me), 401),
        (token(&ED, &me), 401),
    ] {
        assert_eq!(
            get(&app, "/orders", &token).await.status(),
            status,
            "{token}"
        );
    }
}

#[tokio::test]
async fn nobody_can_speak_for_another() {
    let app = service(json!({
        "audience": ["orders"],
        "jwt_secret": SECRET,
        "issuers": [
            {"issuer": "rs", "algorithm": "RS256", "public_key": RSA.pem()},
            {"issuer": "shop", "algorithm": "ES256", "public_key": EC.pem(), "audience": ["till"]},
        ],
    }));
    let app = app.start().await.unwrap();
    for (token, status) in [
        // The one secret stands for all who are not named, and not for those who are.
        (
            token(&Signer::secret(SECRET), &json!({"iss": "anybody"})),
            200,
        ),
        (token(&Signer::secret(SECRET), &json!({"iss": null})), 200),
        (token(&Signer::secret(SECRET), &json!({"iss": "rs"})), 401),
        (token(&RSA, &json!({"iss": "rs"})), 200),
        (token(&RSA, &json!({"iss": "shop"})), 401),
        (token(&EC, &json!({"iss": "shop"})), 401),
        (token(&EC, &json!({"iss": "shop", "aud": "till"})), 200),
    ] {
        assert_eq!(
            get(&app, "/orders", &token).await.status(),
            status,
            "{token}"
        );
    }
}
