//! Who a caller is, and what it may do: `auth.authenticate`, `auth.authorize`, scopes of routes.

use crate::made::{Log, plugin};
use chassis::{
    AuthQuestion, Authentication, Body, Registration,
    prelude::*,
    testing::{TestBuilder, TestChassis, TestResponse},
};
use http::{Request, header};

mod absent;
mod authorize;
mod gate;
mod onion;
mod shut;

/// Keeps orders.
#[plugin]
struct Orders;

impl Plugin for Orders {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Orders {
    #[get("/open")]
    async fn open(&self) -> &'static str {
        "open"
    }

    #[get("/orders", scopes = ["orders:read"])]
    async fn list(&self) -> &'static str {
        "orders"
    }

    #[post("/orders", scopes = ["orders:read", "orders:write"])]
    async fn place(&self, caller: Principal) -> String {
        format!("placed by {}", caller.subject)
    }

    /// Anybody who is known.
    #[get("/me", scopes = [])]
    async fn me(&self, caller: Principal) -> Json<Principal> {
        Json(caller)
    }

    /// The argument alone asks for it.
    #[get("/argument")]
    async fn argument(&self, caller: Principal, again: Principal) -> String {
        assert_eq!(caller, again);
        caller.subject
    }

    #[get("/perhaps")]
    async fn perhaps(&self, caller: Option<Principal>) -> String {
        caller.map_or_else(|| "nobody".to_owned(), |caller| caller.subject)
    }
}

/// The paths of the service that are not for everybody.
const PROTECTED: [&str; 3] = ["/orders", "/me", "/argument"];

/// Knows the tokens `reader` and `writer`, and notes each time that it is asked.
fn tokens(log: &Log) -> Registration {
    let log = log.clone();
    plugin("tokens", move |cx| {
        let log = log.clone();
        cx.call(&points::AUTHENTICATE, async move |asked: &AuthQuestion| {
            log.note(format!("{} {}", asked.method, asked.path));
            by_token(asked)
        });
    })
}

fn by_token(asked: &AuthQuestion) -> Option<Authentication> {
    let reader = |name: &str| Principal::new(name).scope("orders:read").role("staff");
    Some(match asked.bearer() {
        None => Authentication::missing("Bearer realm=\"orders\""),
        Some("reader") => reader("ada").claim("team", 7).into(),
        Some("writer") => reader("bob").scope("orders:write").into(),
        Some(_) => Authentication::refused("Bearer error=\"invalid_token\""),
    })
}

fn service(log: &Log) -> TestBuilder {
    TestChassis::with::<Orders>().register(tokens(log))
}

async fn ask(app: &TestChassis, method: Method, path: &str, token: &str) -> TestResponse {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

async fn get(app: &TestChassis, path: &str, token: &str) -> TestResponse {
    ask(app, Method::GET, path, token).await
}

fn challenges(answer: &TestResponse) -> Vec<&str> {
    let all = answer.headers().get_all(header::WWW_AUTHENTICATE).iter();
    all.map(|value| value.to_str().unwrap()).collect()
}

#[track_caller]
fn problem(answer: &TestResponse, status: u16, code: &str) -> serde_json::Value {
    let told: serde_json::Value = answer.json();
    assert_eq!(
        (answer.status().as_u16(), &told["code"]),
        (status, &code.into()),
        "{told}"
    );
    told
}

#[tokio::test]
async fn a_caller_needs_the_scopes_of_the_route() {
    let app = service(&Log::new()).start().await.unwrap();
    assert_eq!(get(&app, "/open", "").await.text(), "open");
    assert_eq!(get(&app, "/orders", "reader").await.text(), "orders");
    let placed = ask(&app, Method::POST, "/orders", "writer").await;
    assert_eq!(placed.text(), "placed by bob");

    for path in PROTECTED {
        let nobody = get(&app, path, "").await;
        problem(&nobody, 401, "http.unauthorized");
        assert_eq!(challenges(&nobody), ["Bearer realm=\"orders\""]);
        let wrong = get(&app, path, "guess").await;
        problem(&wrong, 401, "http.unauthorized");
        assert_eq!(challenges(&wrong), ["Bearer error=\"invalid_token\""]);
    }
    let poor = ask(&app, Method::POST, "/orders", "reader").await;
    let told = problem(&poor, 403, "auth.missing_scope");
    assert!(
        told["detail"].as_str().unwrap().contains("`orders:write`"),
        "{told}"
    );
    assert!(challenges(&poor).is_empty());
    // The head alone tells nothing more.
    assert_eq!(ask(&app, Method::HEAD, "/orders", "").await.status(), 401);
    // Other methods are nobody's secret.
    assert_eq!(ask(&app, Method::PUT, "/orders", "").await.status(), 405);
}

#[tokio::test]
async fn handlers_are_told_who_it_is() {
    let app = service(&Log::new()).start().await.unwrap();
    let me: serde_json::Value = get(&app, "/me", "reader").await.json();
    assert_eq!(
        me,
        serde_json::json!({
            "subject": "ada", "scopes": ["orders:read"], "roles": ["staff"], "claims": {"team": 7},
        })
    );
    assert_eq!(get(&app, "/argument", "reader").await.text(), "ada");
    assert_eq!(get(&app, "/perhaps", "reader").await.text(), "ada");
    assert_eq!(get(&app, "/perhaps", "").await.text(), "nobody");
    problem(
        &get(&app, "/perhaps", "guess").await,
        401,
        "http.unauthorized",
    );
}

#[tokio::test]
async fn a_handler_below_a_mounted_router_may_ask() {
    let router = axum::Router::new().route(
        "/mounted",
        axum::routing::get(|caller: Principal| async move { caller.subject }),
    );
    let app = service(&Log::new()).router(router).start().await.unwrap();
    assert_eq!(get(&app, "/mounted", "reader").await.text(), "ada");
    assert_eq!(get(&app, "/mounted", "").await.status(), 401);
}

#[tokio::test]
async fn it_is_asked_once_and_only_where_it_matters() {
    let log = Log::new();
    let app = service(&log).start().await.unwrap();
    get(&app, "/open", "reader").await;
    get(&app, "/nowhere", "reader").await;
    assert_eq!(log.lines(), [""; 0]);
    get(&app, "/me", "reader").await;
    get(&app, "/argument", "reader").await;
    assert_eq!(log.lines(), ["GET /me", "GET /argument"]);
}

#[tokio::test]
async fn the_first_who_knows_answers() {
    let app = service(&Log::new())
        .register(plugin("basic", |cx| {
            cx.call(&points::AUTHENTICATE, async |asked: &AuthQuestion| {
                Some(match asked.header("authorization") {
                    Some("Basic Y2Fz") => Principal::new("cas").scope("orders:read").into(),
                    _ => Authentication::missing("Basic realm=\"orders\""),
                })
            })
            .priority(-1);
        }))
        .register(plugin("silent", |cx| {
            cx.call(&points::AUTHENTICATE, async |_: &AuthQuestion| {
                None::<Authentication>
            });
        }))
        .start()
        .await
        .unwrap();
    let nobody = get(&app, "/orders", "").await;
    assert_eq!(
        challenges(&nobody),
        ["Basic realm=\"orders\"", "Bearer realm=\"orders\""],
        "each says what it would take"
    );
    assert_eq!(get(&app, "/orders", "reader").await.status(), 200);
    let request = Request::get("/argument").header("authorization", "Basic Y2Fz");
    let basic = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(basic.text(), "cas");
}

#[tokio::test]
async fn one_who_says_nothing_leaves_the_door_shut() {
    let silent = plugin("silent", |cx| {
        cx.call(&points::AUTHENTICATE, async |_: &AuthQuestion| {
            None::<Authentication>
        });
    });
    let app = TestChassis::with::<Orders>()
        .register(silent)
        .start()
        .await
        .unwrap();
    let nobody = get(&app, "/orders", "reader").await;
    problem(&nobody, 401, "http.unauthorized");
    // There has to be one.
    assert_eq!(challenges(&nobody), ["Bearer"]);
}

#[tokio::test]
async fn an_authenticator_may_speak_json() {
    let by_name = plugin("by-name", |cx| {
        cx.at("auth.authenticate").call(async |asked: &serde_json::Value| {
            let sent = &asked["headers"]["authorization"][0];
            (sent == "Bearer reader").then(|| {
                serde_json::json!({"principal": {"subject": "ada", "scopes": [asked["route"].clone()]}})
            })
        });
    });
    let app = TestChassis::with::<Orders>()
        .register(by_name)
        .start()
        .await
        .unwrap();
    let me: Principal = get(&app, "/me", "reader").await.json();
    assert!(me.subject == "ada" && me.has_scope("/me"), "{me:?}");
    problem(
        &get(&app, "/orders", "reader").await,
        403,
        "auth.missing_scope",
    );
    problem(
        &get(&app, "/orders", "other").await,
        401,
        "http.unauthorized",
    );
}
