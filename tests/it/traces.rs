//! The trace of a request: handed on from the caller to whoever is called, the same for all who ask.

use crate::made::{Log, plugin};
use chassis::{Body, TraceContext, prelude::*, testing::TestChassis};
use http::Request as HttpRequest;

const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const ID: &str = "0af7651916cd43dd8448eb211c80319c";

fn request(path: &str, headers: &[(&str, &str)]) -> HttpRequest<Body> {
    let request = HttpRequest::get(path);
    let with = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    with.body(Body::empty()).unwrap()
}

/// Asks for the trace on the way in if it is to, in the handler, and on the way out.
async fn service(log: &Log, asks_early: bool) -> TestChassis {
    let log = log.clone();
    let asking = plugin("asking", move |cx| {
        let (on_the_way_in, log) = (log.clone(), log.clone());
        cx.filter(&points::PRE_REQUEST, move |exchange: &mut Exchange| {
            if asks_early {
                on_the_way_in.note(exchange.trace());
            }
        });
        cx.filter(&points::POST_RESPONSE, move |exchange: &mut Exchange| {
            log.note(exchange.trace());
        });
        cx.get("/extracted", async |trace: TraceContext| trace.to_string());
        cx.get("/request", async |trace: TraceContext, request: Request| {
            assert!(request.headers().len() < 9);
            trace.to_string()
        });
        cx.get("/unasked", async || "nothing");
        cx.get("/called", async |trace: TraceContext| {
            let mut headers = HeaderMap::new();
            trace.child().inject(&mut headers);
            let text = |name: &str| {
                headers
                    .get(name)
                    .map_or("", |value| value.to_str().unwrap())
            };
            format!("{} {}", text("traceparent"), text("tracestate"))
        });
    });
    TestChassis::builder()
        .register(asking)
        .router(axum::Router::new().route(
            "/mounted",
            axum::routing::get(async |trace: TraceContext| trace.to_string()),
        ))
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn everybody_who_asks_gets_that_of_the_caller() {
    for asks_early in [false, true] {
        for path in ["/extracted", "/request", "/mounted"] {
            let log = Log::new();
            let app = service(&log, asks_early).await;
            let answer = app.send(request(path, &[("traceparent", SENT)])).await;
            assert_eq!(answer.text(), SENT, "{path}");
            assert!(
                log.lines().iter().all(|line| line == SENT),
                "{path}: {:?}",
                log.lines()
            );
        }
    }
    let log = Log::new();
    let app = service(&log, false).await;
    app.send(request("/unasked", &[("traceparent", SENT)]))
        .await;
    assert_eq!(
        log.lines(),
        [SENT],
        "the handler had no use for the request"
    );
}

#[tokio::test]
async fn without_a_caller_s_there_is_a_new_one_for_all() {
    let none: &[(&str, &str)] = &[];
    let malformed = &[("traceparent", "00-nonsense")][..];
    let twice = &[("traceparent", SENT), ("traceparent", SENT)][..];
    for headers in [none, malformed, twice] {
        for path in ["/extracted", "/request", "/mounted"] {
            let log = Log::new();
            let app = service(&log, true).await;
            let first = app.send(request(path, headers)).await.text().to_owned();
            assert_eq!(log.lines(), [&*first, &*first], "{path}");
            let second = app.send(request(path, headers)).await.text().to_owned();
            assert_ne!(first, second);
            assert!(TraceContext::parse(&first).is_some_and(|trace| !trace.is_sampled()));
            assert!(!first.contains(ID));
        }
    }
}

#[tokio::test]
async fn whoever_is_called_gets_the_same_trace_and_another_parent() {
    let app = service(&Log::new(), false).await;
    let state = "vendor=a,other@b=c";
    let headers = [
        ("traceparent", SENT),
        ("tracestate", "vendor=a"),
        ("tracestate", "other@b=c"),
    ];
    let answer = app.send(request("/called", &headers)).await;
    let (parent, sent_on) = answer.text().split_once(' ').unwrap();
    assert_eq!(sent_on, state);
    let called = TraceContext::parse(parent).unwrap();
    assert_eq!(called.trace_id().to_string(), ID);
    assert_ne!(called.parent_id().to_string(), "b7ad6b7169203331");
    assert!(called.is_sampled());

    let long = format!("vendor={},other={}", "x".repeat(256), "y".repeat(256));
    let headers = [("traceparent", SENT), ("tracestate", &long)];
    let answer = app.send(request("/called", &headers)).await;
    assert!(
        answer.text().contains(ID) && answer.text().ends_with("xx"),
        "too long: without the last of the long ones"
    );
}
