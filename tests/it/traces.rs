//! The trace of a request: handed on from the caller to whoever is called, to events and points, the same for all who ask.

use crate::made::{Log, plugin};
use chassis::{Body, RequestId, TraceContext, prelude::*, testing::TestChassis};
use http::Request as HttpRequest;
use serde_json::{Value, json};

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

/// Who asks at a point: nobody hands its handler a request.
#[extension_point]
static ASKED: CallPoint<(), String> = CallPoint::new("traces.asked");

/// Publishes in a request, and in the handling of what was published.
async fn publishing(log: &Log) -> TestChassis {
    let told = log.clone();
    let shop = plugin("shop", |cx| {
        cx.get("/publish", async |events: Events| -> Result<()> {
            events.publish_as("first", json!(1))?;
            Ok(())
        });
        cx.get("/begin", async |trace: TraceContext, events: Events| {
            events.publish_as("first", json!(1)).unwrap();
            trace.to_string()
        });
        cx.on("first", async |message: Message| -> Result<()> {
            message.events().publish_as("second", json!(2))?;
            Ok(())
        });
    });
    let audit = plugin("audit", move |cx| {
        let log = told.clone();
        cx.on("*", async move |message: Message| -> Result<()> {
            let trace = message.trace().map(ToString::to_string);
            let at_the_point = ASKED.call(message.scope(), &()).run().await?;
            log.note(json!([message.topic(), trace, at_the_point]));
            Err(Error::msg("kept as a dead letter, to be looked at"))
        });
        cx.call(&ASKED, async |_: &()| {
            let current = TraceContext::current().map(|trace| trace.trace_id().to_string());
            let id = RequestId::current().map(|id| id.to_string());
            Some(format!("{current:?} {id:?}"))
        });
    });
    TestChassis::builder()
        .register(shop)
        .register(audit)
        .start()
        .await
        .unwrap()
}

/// What was told of the two events: topic, trace, and what the point was told.
async fn two(log: &Log) -> [(String, Option<TraceContext>, String); 2] {
    let lines = log.until(2).await;
    let read = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        let trace = line[1]
            .as_str()
            .map(|text| TraceContext::parse(text).unwrap());
        let text = |index: usize| line[index].as_str().unwrap().to_owned();
        (text(0), trace, text(2))
    };
    [read(&lines[0]), read(&lines[1])]
}

#[tokio::test(start_paused = true)]
async fn events_belong_to_the_trace_they_were_published_in() {
    let log = Log::new();
    let app = publishing(&log).await;
    let headers = [
        ("traceparent", SENT),
        ("tracestate", "vendor=a"),
        ("x-request-id", "mine"),
    ];
    assert_eq!(app.send(request("/publish", &headers)).await.status(), 200);
    let mut parents = vec!["b7ad6b7169203331".to_owned()];
    for (topic, trace, at_the_point) in two(&log).await {
        let trace = trace.unwrap_or_else(|| panic!("`{topic}` has no trace"));
        assert_eq!(trace.trace_id().to_string(), ID, "{topic}");
        assert!(trace.is_sampled());
        parents.push(trace.parent_id().to_string());
        assert_eq!(at_the_point, format!("Some({ID:?}) Some(\"mine\")"));
    }
    parents.sort();
    parents.dedup();
    assert_eq!(parents.len(), 3, "a step of its own for each: {parents:?}");
    let letters = serde_json::to_value(app.handle().dead_letters().unwrap()).unwrap();
    for letter in letters.as_array().unwrap() {
        let message = &letter["message"];
        assert!(
            message["traceparent"].as_str().unwrap().contains(ID),
            "{message}"
        );
        assert_eq!(message["tracestate"], "vendor=a");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_trace_events_have_none_unless_the_request_has_begun_one() {
    let log = Log::new();
    let app = publishing(&log).await;
    app.send(request("/publish", &[])).await;
    for (topic, trace, at_the_point) in two(&log).await {
        assert!(trace.is_none(), "{topic}");
        assert!(at_the_point.starts_with("None Some("), "{at_the_point}");
    }
    let letters = serde_json::to_value(app.handle().dead_letters().unwrap()).unwrap();
    assert!(letters[0]["message"].get("traceparent").is_none());

    let log = Log::new();
    let app = publishing(&log).await;
    let begun = app.send(request("/begin", &[])).await;
    let begun = TraceContext::parse(begun.text()).unwrap();
    for (topic, trace, _) in two(&log).await {
        assert_eq!(trace.unwrap().trace_id(), begun.trace_id(), "{topic}");
    }
}
