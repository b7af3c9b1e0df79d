//! Those who decide what callers may do, while a reload has stopped them and has not replaced them yet: nobody slips through, and
//! nobody who would be let in is told that he is wrong.

use super::exclusive::Service;
use crate::{
    made::{plugin, plugin_requiring},
    scripted::{info, scripted},
};
use chassis::{
    Access, AuthQuestion, Authentication, Body, PluginState, Registration, RoutePattern,
    points::Denied,
    prelude::*,
    testing::{TestChassis, TestResponse},
};
use std::{sync::Arc, time::Duration};

/// Has a route of each kind.
fn shop() -> Registration {
    plugin("shop", |cx| {
        cx.get("/orders", async || "orders").scopes(["orders:read"]);
        cx.get("/argument", async |caller: Principal| caller.subject);
        cx.get("/perhaps", async |caller: Option<Principal>| {
            caller.map_or_else(|| "nobody".to_owned(), |caller| caller.subject)
        });
        cx.get("/silent", async || "silent");
        cx.get("/left-open", async || "left open");
        cx.get("/public", async || "public").public();
        cx.get("/slow", async || {
            tokio::time::sleep(Duration::from_secs(1)).await;
        })
        .public();
        cx.router(axum::Router::new().route("/mounted", axum::routing::get(async || "mounted")));
    })
}

fn by_header(asked: &AuthQuestion, name: &str) -> Option<Authentication> {
    Some(match asked.header(name) {
        Some("right") => Principal::new(name).scope("orders:read").into(),
        Some(_) => Authentication::refused("Wrong"),
        None => Authentication::missing("Right"),
    })
}

/// Knows callers by a header, and shuts routes.
struct Shutter;

impl Plugin for Shutter {
    type Config = NoConfig;

    const SHUTS_ROUTES: bool = true;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        let open: RoutePattern = "GET /left-open".parse().unwrap();
        cx.open_routes([open]);
        cx.call(&points::AUTHENTICATE, async |asked: &AuthQuestion| {
            by_header(asked, "x-token")
        });
        Ok(Self)
    }
}

/// With what it requires.
fn shutter(requires: &[&str]) -> Registration {
    let info = info("shutter").requires(requires.iter().copied());
    Registration::new::<Shutter>(info)
}

/// Asks with a header.
async fn ask(app: &TestChassis, path: &str, header: &str) -> TestResponse {
    let request = http::Request::get(path).header(header, "right");
    app.send(request.body(Body::empty()).unwrap()).await
}

#[track_caller]
fn is_away(answer: &TestResponse) {
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert!(answer.text().contains("plugin.away"), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
}

const SLOW: &str = "{keeper: {config: {lock: LOCK, round: 2, slow: true}}}";
const PROTECTED: [&str; 4] = ["/orders", "/argument", "/silent", "/mounted"];

/// A service whose keeper holds this, and what reloads it.
async fn start(lock: &str, others: impl IntoIterator<Item = Registration>) -> (Service, String) {
    let first = format!("{{keeper: {{config: {{lock: {lock}}}}}}}");
    let service = Service::start(&first, others).await;
    (service, SLOW.replace("LOCK", lock))
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_while_the_one_who_knows_callers_is_away() {
    let (service, slow) = start("auth-a", [shop(), shutter(&["keeper"])]).await;
    let app = &service.app;
    for path in PROTECTED {
        assert_eq!(ask(app, path, "x-token").await.status(), 200, "{path}");
    }
    // A request that it may be asked for holds it, for a second.
    let asking = Arc::clone(&service.app);
    let asked = tokio::spawn(async move { asking.get("/slow").await.status() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let reload = service.begin(&slow).await;
    assert_eq!(service.state("shutter"), PluginState::Suspended);
    for path in PROTECTED {
        is_away(&ask(app, path, "x-token").await);
        is_away(&app.get(path).await);
    }
    is_away(&ask(app, "/perhaps", "x-token").await);
    // What is for everybody is so all the time.
    assert_eq!(service.says("/public").await, "public");
    assert_eq!(service.says("/left-open").await, "left open");
    // Long after it has stopped, too.
    assert_eq!(asked.await.unwrap(), 200);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(service.state("shutter"), PluginState::Stopped);
    for path in PROTECTED {
        is_away(&ask(app, path, "x-token").await);
    }
    reload.await.unwrap().unwrap();
    for path in PROTECTED {
        assert_eq!(ask(app, path, "x-token").await.status(), 200, "{path}");
        assert_eq!(app.get(path).await.status(), 401, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_known_to_another_one_passes() {
    let keys = plugin("keys", |cx| {
        let knows = cx.call(&points::AUTHENTICATE, async |asked: &AuthQuestion| {
            by_header(asked, "x-key")
        });
        knows.priority(-1);
    });
    let (service, slow) = start("auth-b", [shop(), keys, shutter(&["keeper"])]).await;
    let reload = service.begin(&slow).await;
    for path in PROTECTED {
        let known = ask(&service.app, path, "x-key").await;
        assert_eq!(known.status(), 200, "{path}");
        // Nobody is told that a token is wrong which is right.
        is_away(&ask(&service.app, path, "x-token").await);
    }
    reload.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_while_the_one_who_may_deny_it_is_away() {
    let rules = plugin_requiring("rules", &["keeper"], |cx| {
        cx.filter(&points::AUTHORIZE, |_: &mut Access| {
            Flow::Answer(Denied("not at this hour".to_owned()))
        });
    });
    let (service, slow) = start("auth-c", [shop(), shutter(&[]), rules]).await;
    let app = &service.app;
    for path in PROTECTED {
        assert_eq!(ask(app, path, "x-token").await.status(), 403, "{path}");
    }
    let reload = service.begin(&slow).await;
    for path in PROTECTED {
        is_away(&ask(app, path, "x-token").await);
        assert_eq!(app.get(path).await.status(), 401, "{path}");
    }
    assert_eq!(service.says("/public").await, "public");
    reload.await.unwrap().unwrap();
    for path in PROTECTED {
        assert_eq!(ask(app, path, "x-token").await.status(), 403, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_after_one_who_is_away_is_asked_all_the_same() {
    let first = plugin_requiring("first", &["keeper"], |cx| {
        let hook = cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {});
        hook.routes("/elsewhere");
    });
    let second = plugin("second", |cx| {
        let hook = cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| -> Flow {
            Flow::respond(StatusCode::FORBIDDEN)
        });
        hook.requires("first");
    });
    let (service, slow) = start("auth-d", [shop(), first, second]).await;
    assert_eq!(service.status("/public").await, 403);
    let reload = service.begin(&slow).await;
    assert_eq!(service.status("/public").await, 403);
    reload.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_may_deny_it_is_asked_though_another_one_is_missing() {
    let rules = plugin("rules", |cx| {
        let rules = cx.filter(&points::AUTHORIZE, |_: &mut Access| {
            Flow::Answer(Denied("not at this hour".to_owned()))
        });
        rules.requires("roles");
    });
    let app = TestChassis::builder()
        .register(shop())
        .register(shutter(&[]))
        .register(rules)
        .register(scripted("roles", &[]))
        .set("plugins.roles.config.init", "fail")
        .start()
        .await
        .unwrap();
    assert_eq!(app.state("roles"), PluginState::Failed);
    for path in PROTECTED {
        assert_eq!(ask(&app, path, "x-token").await.status(), 403, "{path}");
    }
}
