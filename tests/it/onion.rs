//! The onion: every hook that saw a request sees its end, exactly once, in reverse, whatever happened.

use crate::{
    client::{Raw, service, start},
    made::{Log, plugin},
};
use chassis::{
    Body, Error, Exchange, Flow, Json, Outcome, Registration, Request, Response, code, points,
    testing::{TestBuilder, TestChassis, TestResponse, json},
};
use http::{Method, StatusCode};

mod order;
mod failures;
mod headers;
mod exchange;
mod bodies;

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Answer,
    EarlyAnswer,
    NotFound,
    WrongMethod,
    TooLarge,
    HandlerError,
    HandlerPanic,
    HookError,
    HookPanic,
    Deadline,
    HookHangs,
    ClientGone,
    ClientGoneInHook,
}

impl End {
    const ALL: [Self; 13] = [
        Self::Answer,
        Self::EarlyAnswer,
        Self::NotFound,
        Self::WrongMethod,
        Self::TooLarge,
        Self::HandlerError,
        Self::HandlerPanic,
        Self::HookError,
        Self::HookPanic,
        Self::Deadline,
        Self::HookHangs,
        Self::ClientGone,
        Self::ClientGoneInHook,
    ];

    fn request(self) -> Request {
        let request = |method: Method, path: &str| {
            http::Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .unwrap()
        };
        match self {
            Self::NotFound => request(Method::GET, "/nowhere"),
            Self::WrongMethod => request(Method::DELETE, "/answer"),
            Self::TooLarge => json(Method::POST, "/answer", &"x".repeat(2_000)),
            Self::HandlerError => request(Method::GET, "/error"),
            Self::HandlerPanic => request(Method::GET, "/panic"),
            Self::Deadline | Self::ClientGone => request(Method::GET, "/hang"),
            _ => request(Method::GET, "/answer"),
        }
    }

    /// Whether the request does not get past the hook that is probing.
    fn is_in_hook(self) -> bool {
        use End::{ClientGoneInHook, EarlyAnswer, HookError, HookHangs, HookPanic};
        matches!(
            self,
            EarlyAnswer | HookError | HookPanic | HookHangs | ClientGoneInHook
        )
    }

    fn is_client_gone(self) -> bool {
        matches!(self, Self::ClientGone | Self::ClientGoneInHook)
    }

    fn expected(self) -> (u16, Outcome) {
        match self {
            Self::Answer => (200, Outcome::Answered),
            Self::EarlyAnswer => (203, Outcome::AnsweredEarly),
            Self::NotFound => (404, Outcome::Answered),
            Self::WrongMethod => (405, Outcome::Answered),
            Self::TooLarge => (413, Outcome::Answered),
            Self::HandlerError => (409, Outcome::Answered),
            Self::HandlerPanic => (500, Outcome::Panicked),
            Self::HookError | Self::HookPanic => (500, Outcome::Failed),
            Self::Deadline | Self::HookHangs => (504, Outcome::Deadline),
            Self::ClientGone | Self::ClientGoneInHook => (0, Outcome::ClientGone),
        }
    }
}

/// Handlers for all ends.
fn routes() -> Registration {
    plugin("routes", |cx| {
        cx.get("/answer", async || "yes");
        cx.post("/answer", async |Json(text): Json<String>| text);
        cx.get("/error", async || {
            Err::<(), _>(Error::new(code::CONFLICT, "not now"))
        });
        cx.get("/panic", async || {
            if true {
                panic!("the handler was told to panic")
            }
        });
        cx.get("/hang", async || std::future::pending::<()>().await);
    })
}

fn note_end(log: &Log, name: &str, exchange: &Exchange) {
    log.note(format!("post {name} {:?}", exchange.outcome()));
}

/// A pair of hooks that write to the log. The one that is probing awaits, and is where some requests end.
fn hook(log: &Log, name: &'static str, priority: i32, probing: Option<End>) -> Registration {
    let log = log.clone();
    plugin(name, move |cx| {
        let (pre, post) = (log.clone(), log.clone());
        let Some(end) = probing else {
            cx.filter(&points::PRE_REQUEST, move |_| {
                pre.note(format!("pre {name}"));
            })
            .priority(priority);
            cx.filter(&points::POST_RESPONSE, move |ex| note_end(&post, name, ex))
                .priority(priority);
            return;
        };
        cx.filter_async(&points::PRE_REQUEST, async move |_: &mut Exchange| {
            tokio::task::yield_now().await;
            pre.note(format!("pre {name}"));
            match end {
                End::EarlyAnswer => {
                    let mut response = Response::default();
                    *response.status_mut() = StatusCode::NON_AUTHORITATIVE_INFORMATION;
                    Ok(Flow::Answer(response))
                }
                End::HookError => Err(Error::msg("the hook was told to fail")),
                End::HookPanic => panic!("the hook was told to panic"),
                End::HookHangs | End::ClientGoneInHook => std::future::pending().await,
                _ => Ok(Flow::Continue),
            }
        })
        .priority(priority);
        cx.filter_async(
            &points::POST_RESPONSE,
            async move |exchange: &mut Exchange| {
                tokio::task::yield_now().await;
                note_end(&post, name, exchange);
            },
        )
        .priority(priority);
    })
}

/// Sends a request, and drops it once the log has so many lines.
async fn send_and_leave(app: &TestChassis, request: Request, log: &Log, lines: usize) {
    tokio::select! {
        _ = app.send(request) => panic!("nobody should have answered"),
        _ = log.until(lines) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn every_hook_that_saw_a_request_sees_its_end() {
    const NAMES: [&str; 3] = ["first", "middle", "last"];
    for end in End::ALL {
        for (place, name) in NAMES.into_iter().enumerate() {
            let log = Log::new();
            let hooks = (0..3).map(|i| {
                hook(
                    &log,
                    NAMES[i],
                    i32::try_from(i).unwrap(),
                    (i == place).then_some(end),
                )
            });
            let builder = hooks.fold(
                TestChassis::builder().register(routes()),
                TestBuilder::register,
            );
            let app = builder
                .set("server.max_body", "1KiB")
                .start()
                .await
                .unwrap();

            let (status, outcome) = end.expected();
            let seen = if end.is_in_hook() { place + 1 } else { 3 };
            if end.is_client_gone() {
                send_and_leave(&app, end.request(), &log, seen).await;
            } else {
                assert_eq!(
                    app.send(end.request()).await.status(),
                    status,
                    "{end:?} at {name}"
                );
            }
            let expected: Vec<String> = (0..seen)
                .map(|i| format!("pre {}", NAMES[i]))
                .chain(
                    (0..seen)
                        .rev()
                        .map(|i| format!("post {} {outcome:?}", NAMES[i])),
                )
                .collect();
            assert_eq!(
                log.until(expected.len()).await,
                expected,
                "{end:?} at {}",
                NAMES[place]
            );
        }
    }
}

/// A test service of these plugins and [`routes`].
async fn app(plugins: impl IntoIterator<Item = Registration>) -> TestChassis {
    let app = plugins.into_iter().fold(
        TestChassis::builder().register(routes()),
        TestBuilder::register,
    );
    app.set("server.max_body", "1KiB").start().await.unwrap()
}

fn code_of(response: &TestResponse) -> String {
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    response.json::<serde_json::Value>()["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_over_http() {
    let log = Log::new();
    let end = End::ClientGone;
    let plugins = [
        hook(&log, "outside", 1, None),
        hook(&log, "inside", 2, Some(end)),
        routes(),
    ];
    let running = start(service(plugins)).await;
    let mut client = Raw::connect(running.service_address()).await;
    client
        .send("GET /hang HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    log.until(2).await;
    drop(client);
    let expected = [
        "pre outside",
        "pre inside",
        "post inside ClientGone",
        "post outside ClientGone",
    ];
    assert_eq!(log.until(4).await, expected);
    assert!(running.stop().await.is_graceful());
}
