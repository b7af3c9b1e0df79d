//! Authenticators that are not there, or not well: the door stays shut.

use super::{Orders, PROTECTED, by_token, get, problem, service, tokens};
use crate::{
    client::{self, soon},
    made::{Log, plugin},
    management::ask::{get_json, post, problem as told},
    scripted::scripted,
};
use chassis::{AuthQuestion, Authentication, code, points, prelude::*, testing::TestChassis};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// What is open stays so; nothing else is answered but with this.
async fn is_shut(app: &TestChassis, status: u16, code: &str) {
    assert_eq!(get(app, "/open", "reader").await.text(), "open");
    for path in PROTECTED {
        for token in ["", "reader", "guess"] {
            problem(&get(app, path, token).await, status, code);
        }
    }
}

#[tokio::test]
async fn without_an_authenticator_nobody_passes() {
    let app = TestChassis::with::<Orders>().start().await.unwrap();
    is_shut(&app, 503, "auth.unavailable").await;
    problem(&get(&app, "/perhaps", "").await, 503, "auth.unavailable");
}

#[tokio::test]
async fn a_disabled_authenticator_lets_nobody_pass() {
    let app = service(&Log::new()).set("plugins.tokens.enabled", false);
    let app = app.start().await.unwrap();
    is_shut(&app, 503, "auth.unavailable").await;
}

#[tokio::test]
async fn an_authenticator_that_could_not_be_built_lets_nobody_pass() {
    for how in ["fail", "panic"] {
        let app = TestChassis::with::<Orders>()
            .register(scripted("tokens", &[]))
            .set("plugins.tokens.config.init", how);
        let app = app.start().await.unwrap();
        assert_eq!(app.state("tokens"), chassis::PluginState::Failed);
        is_shut(&app, 503, "auth.unavailable").await;
    }
}

#[tokio::test]
async fn an_authenticator_that_fails_lets_nobody_pass() {
    let fails = plugin("fails", |cx| {
        cx.call(
            &points::AUTHENTICATE,
            async |_: &AuthQuestion| -> Result<Option<Authentication>> {
                Err(Error::msg("the key server is gone"))
            },
        );
    });
    let app = TestChassis::with::<Orders>()
        .register(fails)
        .start()
        .await
        .unwrap();
    is_shut(&app, 500, "internal").await;
    let told = get(&app, "/orders", "reader").await;
    assert!(!told.text().contains("key server"), "that is for the log");

    let panics = plugin("panics", |cx| {
        cx.call(
            &points::AUTHENTICATE,
            async |_: &AuthQuestion| -> Option<Authentication> { panic!("was told to") },
        );
    });
    let app = TestChassis::with::<Orders>()
        .register(panics)
        .start()
        .await
        .unwrap();
    is_shut(&app, 500, "panic").await;

    let refuses = plugin("refuses", |cx| {
        cx.call(
            &points::AUTHENTICATE,
            async |_: &AuthQuestion| -> Result<Option<Authentication>> {
                Err(Error::new(code::UNAUTHORIZED, "that token has expired"))
            },
        );
    });
    let app = TestChassis::with::<Orders>()
        .register(refuses)
        .start()
        .await
        .unwrap();
    is_shut(&app, 401, "http.unauthorized").await;
    let told = get(&app, "/orders", "reader").await;
    assert!(told.header("www-authenticate").is_some() && told.text().contains("expired"));
}

#[tokio::test(start_paused = true)]
async fn an_authenticator_that_hangs_lets_nobody_pass() {
    let hangs = plugin("hangs", |cx| {
        cx.call(&points::AUTHENTICATE, async |_: &AuthQuestion| {
            std::future::pending::<Option<Authentication>>().await
        });
    });
    let app = TestChassis::with::<Orders>()
        .register(hangs)
        .start()
        .await
        .unwrap();
    is_shut(&app, 504, "deadline").await;
    // The request as a whole has less time than the authenticator.
    let hangs = plugin("hangs", |cx| {
        cx.call(&points::AUTHENTICATE, async |_: &AuthQuestion| {
            std::future::pending::<Option<Authentication>>().await
        });
    });
    let app = TestChassis::with::<Orders>().register(hangs);
    let app = app
        .set("server.request_timeout", "1s")
        .start()
        .await
        .unwrap();
    is_shut(&app, 504, "deadline").await;
}

#[tokio::test]
async fn one_that_fails_hides_those_behind_it() {
    let fails = plugin("fails", |cx| {
        cx.call(
            &points::AUTHENTICATE,
            async |_: &AuthQuestion| -> Result<Option<Authentication>> {
                Err(Error::msg("the key server is gone"))
            },
        )
        .priority(-1);
    });
    let app = service(&Log::new()).register(fails).start().await.unwrap();
    is_shut(&app, 500, "internal").await;
}

/// Authenticates, and does not start if its time has come.
struct Guard;

static STARTS: AtomicBool = AtomicBool::new(true);

impl Plugin for Guard {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.call(&points::AUTHENTICATE, async |asked: &AuthQuestion| {
            by_token(asked)
        });
        Ok(Self)
    }

    async fn start(self: &Arc<Self>, _: &Background) -> Result<()> {
        match STARTS.load(SeqCst) {
            true => Ok(()),
            false => Err(Error::msg("the key server is gone")),
        }
    }
}

#[tokio::test]
async fn an_authenticator_is_required_unless_it_is_said_otherwise() {
    let guard = || chassis::Registration::new::<Guard>(crate::scripted::info("guard"));
    let service = || TestChassis::with::<Orders>().register(guard());
    STARTS.store(false, SeqCst);
    let error = service().start_error().await;
    assert_eq!(error.code(), code::REQUIRED);
    assert!(
        error.report().contains("`guard` is required"),
        "{}",
        error.report()
    );

    let app = service()
        .set("plugins.guard.required", false)
        .start()
        .await
        .unwrap();
    is_shut(&app, 503, "auth.unavailable").await;

    STARTS.store(true, SeqCst);
    let app = service().start().await.unwrap();
    assert_eq!(get(&app, "/orders", "reader").await.status(), 200);
    // A reload that would leave it out is refused.
    STARTS.store(false, SeqCst);
    assert_eq!(app.reload_all().await.unwrap_err().code(), code::REQUIRED);
    STARTS.store(true, SeqCst);
    assert_eq!(get(&app, "/orders", "reader").await.status(), 200);
}

#[tokio::test]
async fn to_disable_an_authenticator_takes_force() {
    let deny = plugin("deny", |cx| {
        cx.filter(&points::AUTHORIZE, |_: &mut chassis::Access| {});
    });
    let builder = client::service([tokens(&Log::new()), deny]).plugin::<Orders>();
    let running = soon("the start", builder.start()).await.unwrap();
    let (management, address) = (
        running.management_address().unwrap(),
        running.service_address(),
    );
    let status = async || {
        let bearer = [("authorization", "Bearer reader")];
        let asked = crate::management::ask::send(address, Method::GET, "/orders", &bearer, "");
        asked.await.status.as_u16()
    };
    assert_eq!(status().await, 200);
    for (name, point) in [("tokens", "auth.authenticate"), ("deny", "auth.authorize")] {
        let path = format!("/plugins/{name}/disable");
        let refused = told(post(management, &path).await, 409, "http.conflict");
        assert!(
            refused["detail"].as_str().unwrap().contains(point),
            "{refused}"
        );
        assert!(
            refused["help"].as_str().unwrap().contains("?force=true"),
            "{refused}"
        );
    }
    assert_eq!(status().await, 200);
    // Who guards nothing needs none.
    assert_eq!(post(management, "/plugins/orders/disable").await.0, 200);
    assert_eq!(post(management, "/plugins/orders/enable").await.0, 200);
    assert_eq!(
        post(management, "/plugins/tokens/disable?force=true")
            .await
            .0,
        200
    );
    assert_eq!(status().await, 503);
    let plugin = get_json(management, "/plugins/tokens").await;
    assert_eq!(plugin["state"], "disabled");
    assert_eq!(post(management, "/plugins/tokens/enable").await.0, 200);
    assert_eq!(status().await, 200);
    assert!(soon("the stop", running.stop()).await.is_graceful());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn while_an_authenticator_blocks_its_thread_nobody_passes() {
    let (entered, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let is_open = Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
    let gate = Arc::clone(&is_open);
    let blocks = plugin("blocks", move |cx| {
        let (entered, gate) = (entered.clone(), Arc::clone(&gate));
        cx.call(&points::AUTHENTICATE, async move |asked: &AuthQuestion| {
            _ = entered.send(());
            let (is_open, told) = &*gate;
            let shut = is_open.lock().unwrap();
            drop(told.wait_while(shut, |is_open| !*is_open).unwrap());
            by_token(asked)
        });
    });
    let app = TestChassis::with::<Orders>().register(blocks);
    let app = Arc::new(app.start().await.unwrap());
    let asking = Arc::clone(&app);
    let asked = tokio::spawn(async move { get(&asking, "/orders", "guess").await });
    soon("the question", seen.recv()).await;
    assert_eq!(get(&app, "/open", "").await.text(), "open");
    assert!(!asked.is_finished(), "nobody has said who it is");
    *is_open.0.lock().unwrap() = true;
    is_open.1.notify_all();
    let refused = soon("the answer", asked).await.unwrap();
    problem(&refused, 401, "http.unauthorized");
}
