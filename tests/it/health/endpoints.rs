//! Over HTTP: management, and probes on the listener of the service.

use super::{Dial, after, round, store};
use crate::{
    client::{self, Raw, soon},
    made::plugin,
};
use axum::routing::get;
use chassis::{Exchange, Flow, Health, Running, code, points, testing::TestChassis};
use http::{Method, StatusCode};
use serde_json::{Value, json};

async fn ask(running: &Running, path: &str) -> (StatusCode, Value) {
    let management = running.management_address().expect("it listens");
    let answer = Raw::management(management).await.get(path).await;
    (answer.status, answer.json())
}

/// Asks until the answer is this; a check is asked in the background.
async fn until(running: &Running, path: &str, status: u16) -> Value {
    let asked = async {
        loop {
            let (is, body) = ask(running, path).await;
            if is == status {
                return body;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(path, asked).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn management_tells_every_check() {
    let dial = Dial::new(Health::up().with("connections", 5));
    let builder = client::service([store(&dial)])
        .set("health.groups", json!({"storage": ["store"]}))
        .set("health.interval", "10ms")
        .set("health.failure_threshold", 1);
    let running = client::start(builder).await;
    until(&running, "/health/ready", 200).await;
    for path in ["/health", "/health/storage", "/plugins/store/health"] {
        let (status, health) = ask(&running, path).await;
        assert_eq!(status, 200, "{path}: {health}");
        assert_eq!(
            (&health["state"], &health["healthy"]),
            (&json!("up"), &json!(true))
        );
        let check = &health["checks"][0];
        assert_eq!(
            (&check["name"], &check["plugin"]),
            (&json!("store/database"), &json!("store"))
        );
        assert_eq!(
            (&check["state"], &check["healthy"]),
            (&json!("up"), &json!(true))
        );
        assert_eq!(check["details"], json!({"connections": 5}));
        assert!(
            check["age_ms"].is_u64() && check["took_ms"].is_number() && check["since"].is_u64()
        );
        assert_eq!(
            (&check["critical"], &check["message"]),
            (&json!(true), &Value::Null)
        );
        assert_eq!(check["consecutive_failures"], 0);
    }
    let status = ask(&running, "/plugins/status").await.1;
    assert_eq!(status["store"]["health"], "up");

    dial.turn(Health::down("lost"));
    let ready = until(&running, "/health/ready", 503).await;
    assert_eq!(ready["reason"], "`store/database` is down: lost");
    for path in ["/health", "/health/storage", "/plugins/store/health"] {
        let (status, health) = ask(&running, path).await;
        assert_eq!(
            (status, &health["status"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("unhealthy"))
        );
    }
    for path in ["/health/live", "/health/startup"] {
        assert_eq!(ask(&running, path).await.0, 200, "{path}");
    }
    let plugins = ask(&running, "/plugins?state=degraded&role=health").await.1;
    assert_eq!(plugins[0]["name"], "store");
    for (path, help) in [
        ("/health/storag", "did you mean `storage`?"),
        ("/plugins/stor/health", "did you mean `store`?"),
    ] {
        let (status, problem) = ask(&running, path).await;
        assert_eq!((status.as_u16(), &problem["help"]), (404, &json!(help)));
    }
    assert!(soon("the stop", running.stop()).await.is_graceful());
}

#[tokio::test(start_paused = true)]
async fn probes_are_answered_where_requests_are() {
    let dial = Dial::new(Health::up());
    let door = plugin("door", |cx| {
        cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| -> Flow {
            Flow::respond(StatusCode::UNAUTHORIZED)
        });
        cx.get("/{page}", async || "page");
    });
    let router = axum::Router::new().fallback(get(async || "mounted"));
    let app = TestChassis::builder()
        .register(store(&dial))
        .register(door)
        .router(router)
        .start()
        .await
        .unwrap();
    assert_eq!(
        app.get("/readyz").await.status(),
        503,
        "the check has not answered yet"
    );
    after(1).await;
    for path in ["/livez", "/readyz", "/startupz"] {
        let answer = app.get(path).await;
        assert_eq!(
            (answer.status().as_u16(), answer.text()),
            (200, "ok\n"),
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(app.request(Method::HEAD, path).await.text(), "");
    }
    assert_eq!(
        app.get("/page").await.status(),
        401,
        "hooks stand before the rest"
    );
    dial.turn(Health::down("the password is wrong"));
    for _ in 0..3 {
        round().await;
    }
    let ready = app.get("/readyz").await;
    assert_eq!((ready.status().as_u16(), ready.text()), (503, "not now\n"));
    for path in ["/livez", "/startupz"] {
        assert_eq!(app.get(path).await.status(), 200, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_else_has_the_paths_of_probes() {
    let own = || plugin("own", |cx| _ = cx.get("/livez", async || "mine"));
    let error = TestChassis::builder().register(own()).start_error().await;
    assert_eq!(
        (error.code(), error.plugin()),
        (code::ROUTE_CONFLICT, Some("own"))
    );
    let message = error.message();
    assert!(
        message.contains("`GET /livez`") && message.contains("`chassis` (`server.probes`)"),
        "{message}"
    );
    let help = "give it another path, or set `server.probes: false` to answer yourself";
    assert_eq!(error.help(), Some(help));

    let router = || axum::Router::new().route("/readyz", get(async || "mounted"));
    let error = TestChassis::builder().router(router()).start_error().await;
    assert_eq!(
        (error.code(), error.help()),
        (code::ROUTE_CONFLICT, Some(help))
    );

    let app = TestChassis::builder()
        .register(own())
        .router(router())
        .set("server.probes", false)
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/livez").await.text(), "mine");
    assert_eq!(app.get("/readyz").await.text(), "mounted");
    assert_eq!(app.get("/startupz").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_about_to_stop_is_alive_and_not_ready() {
    let running = client::start(client::service([]).set("shutdown.delay", "1m")).await;
    let address = running.service_address();
    let mut raw = Raw::connect(address).await;
    assert_eq!(raw.get("/readyz").await.status, 200);
    let stopping = tokio::spawn(running.stop());
    let not_ready = async {
        while raw.get("/readyz").await.status != 503 {
            tokio::task::yield_now().await;
        }
    };
    soon("the end to be told", not_ready).await;
    assert_eq!(raw.get("/livez").await.status, 200);
    stopping.abort();
}
