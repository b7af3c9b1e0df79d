//! What `GET /openapi.json` says of it.

use crate::made::{PROTECTED, SECRET, get, service, settings};
use serde_json::{Value, json};

async fn document(mut settings: Value) -> Value {
    settings["public"] = json!(["GET /products", "/openapi.json"]);
    let app = service(settings).start().await.unwrap();
    get(&app, "/openapi.json", "").await.json()
}

#[tokio::test]
async fn protected_routes_say_what_they_need() {
    let document = document(settings()).await;
    let scheme = json!({"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}});
    assert_eq!(document["components"]["securitySchemes"], scheme);
    let of = |path: &str| &document["paths"][path]["get"];
    for path in PROTECTED {
        let answers = &of(path)["responses"];
        assert!(
            answers["401"].is_object() && answers["503"].is_object(),
            "{path}: {answers}"
        );
    }
    assert_eq!(
        of("/orders")["security"],
        json!([{"bearer": ["orders:read"]}])
    );
    assert_eq!(of("/silent")["security"], json!([{"bearer": []}]));
    let audit = &of("/audit")["responses"]["403"]["description"];
    assert!(
        audit.as_str().unwrap().contains("the role `auditor`"),
        "{audit}"
    );
    let open = of("/products");
    assert!(open["security"].is_null() && open["responses"]["401"].is_null());
}

#[tokio::test]
async fn only_ways_that_are_set_up_are_named() {
    let names = async |settings: Value| {
        let document = document(settings).await;
        let schemes = document["components"]["securitySchemes"].as_object();
        let security = &document["paths"]["/silent"]["get"]["security"];
        let schemes = schemes.cloned().unwrap_or_default();
        let asked = security.as_array().map_or(0, Vec::len);
        assert_eq!(schemes.len(), asked, "each of them is enough");
        schemes
    };
    let one = names(json!({"jwt_secret": SECRET})).await;
    assert_eq!(one.keys().collect::<Vec<_>>(), ["bearer"]);
    let hash = "00".repeat(32);
    let password =
        "pbkdf2-sha256$100000$MDEyMzQ1Njc4OWFiY2RlZg$WYEVV1ul0qBt7iGnOFpq5RmH0aOFvmOKTlUAgn9mWYM";
    let all = names(json!({
        "jwt_secret": SECRET,
        "api_keys": {"header": "X-Till", "keys": [{"name": "till", "sha256": hash}]},
        "basic": {"users": [{"name": "ada", "password": password}]},
    }))
    .await;
    assert_eq!(
        Value::Object(all),
        json!({
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-Till"},
            "basic": {"type": "http", "scheme": "basic"},
        })
    );
}
