//! Who may do what, and how to become one who may.

use super::{code, start, start_with};
use chassis::{
    Body,
    axum::http::{HeaderValue, Method, Request, header},
    testing::TestChassis,
};

/// `{"sub":"eve","scope":"orders:read","exp":32503680000}`
const EVE: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJldmUiLCJzY29wZSI6Im9yZGVyczpyZWFkIiwiZXhwIjozMjUwMzY4MDAwMH0.2s6-uOaooA9m1OYpmKl50X0yL63D3f3088LDIt1jCVA";

#[tokio::test]
async fn who_is_not_known_sees_products_and_nothing_else() {
    let app = start().await;
    assert_eq!(app.0.get("/products").await.status(), 200);
    for (method, path) in [
        (Method::GET, "/orders"),
        (Method::POST, "/orders"),
        (Method::GET, "/orders/1"),
        (Method::POST, "/orders/1/pay"),
        (Method::POST, "/orders/1/cancel"),
        (Method::GET, "/openapi.json"),
    ] {
        let answer = app.0.request(method, path).await;
        assert_eq!(answer.status(), 401, "{path}");
        assert!(answer.header("www-authenticate").is_some());
        // Refused or not, every answer is traced.
        assert!(answer.header("X-Correlation-ID").is_some());
    }
}

#[tokio::test]
async fn who_may_read_may_not_order() {
    let app = start().await;
    let bearer = format!("Bearer {EVE}");
    let ask = async |request: Request<()>| {
        let mut request = request.map(|()| Body::empty());
        let value = HeaderValue::try_from(&bearer).expect("it is a value");
        request.headers_mut().insert(header::AUTHORIZATION, value);
        app.send(request).await
    };
    let list = Request::get("/orders").body(()).expect("a request");
    assert_eq!(ask(list).await.status(), 200);
    for path in ["/orders", "/orders/1/pay", "/orders/1/cancel"] {
        let write = Request::post(path).body(()).expect("a request");
        let refused = ask(write).await;
        assert_eq!(
            (refused.status().as_u16(), &*code(&refused)),
            (403, "auth.missing_scope")
        );
    }
}

/// The way that the README shows: the first run makes a key, `token` signs with it.
#[tokio::test]
async fn the_first_run_makes_a_key_and_tokens_are_signed_with_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let token = || {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_orders"))
            .args(["token", "--sub", "alice", "--scope", "orders:read"])
            .current_dir(directory.path())
            .output()
            .expect("the program can be run");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        let said = String::from_utf8(output.stdout).expect("it says text");
        said.lines().last().unwrap_or_default().to_owned()
    };
    let first = token();
    let file = directory.path().join("target/orders/signing.key");
    let made = std::fs::read_to_string(&file).expect("there is a key");
    assert!(made.trim().len() >= 32);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file)
            .expect("there is a key")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let second = token();
    assert_eq!(
        std::fs::read_to_string(&file).expect("there is a key"),
        made
    );
    let files = std::fs::read_dir(file.parent().expect("a directory"));
    assert_eq!(files.expect("a directory").count(), 1);

    let path = file.display().to_string();
    let app = TestChassis::linked().set("plugins.signing-key.config.file", path);
    let app = start_with(app).await;
    for token in [&first, &second] {
        let request = Request::get("/orders").header("authorization", format!("Bearer {token}"));
        let answer = app
            .send(request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }
    // Ada's was signed with another key.
    assert_eq!(app.get("/orders").await.status(), 401);
}
