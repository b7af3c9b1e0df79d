//! There is no way past the gate.

use super::{get, problem, service};
use crate::made::{Log, plugin};
use axum::response::IntoResponse as _;
use chassis::{Body, Flow, prelude::*};
use http::Request;

#[tokio::test]
async fn an_answer_from_a_cache_is_not_for_those_who_are_refused() {
    let hook = plugin("cache", |cx| {
        cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {
            Flow::respond("cached")
        });
    });
    let around = plugin("cache", |cx| {
        cx.around(async |_: Request<Body>, _: Next<'_>| "cached");
    });
    let post = plugin("cache", |cx| {
        cx.filter(&points::POST_RESPONSE, |_: &mut Exchange| {
            Flow::respond("cached")
        });
    });
    for cache in [hook, around, post] {
        let app = service(&Log::new()).register(cache).start().await.unwrap();
        assert_eq!(get(&app, "/orders", "reader").await.text(), "cached");
        assert_eq!(get(&app, "/open", "").await.text(), "cached");
        problem(&get(&app, "/orders", "").await, 401, "http.unauthorized");
        problem(
            &get(&app, "/orders", "guess").await,
            401,
            "http.unauthorized",
        );
    }
}

#[tokio::test]
async fn a_connection_is_not_handed_over_to_those_who_are_refused() {
    let socket = plugin("socket", |cx| {
        cx.around(async |_: Request<Body>, _: Next<'_>| StatusCode::SWITCHING_PROTOCOLS);
    });
    let app = service(&Log::new()).register(socket).start().await.unwrap();
    assert_eq!(get(&app, "/orders", "reader").await.status(), 101);
    problem(&get(&app, "/orders", "").await, 401, "http.unauthorized");
}

#[tokio::test]
async fn another_answer_that_is_no_success_may_stand_in_its_place() {
    let login = plugin("login", |cx| {
        cx.filter(&points::POST_RESPONSE, |exchange: &mut Exchange| {
            match exchange.status() == StatusCode::UNAUTHORIZED {
                true => {
                    Flow::Answer((StatusCode::SEE_OTHER, [("location", "/login")]).into_response())
                }
                false => Flow::Continue,
            }
        });
    });
    let app = service(&Log::new()).register(login).start().await.unwrap();
    let answer = get(&app, "/orders", "").await;
    assert_eq!(
        (answer.status().as_u16(), answer.header("location")),
        (303, Some("/login"))
    );
}

/// Sends a request on to the path in `x-to`.
fn sends_on() -> chassis::Registration {
    plugin("sends-on", |cx| {
        cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
            let to = exchange.headers().get("x-to").cloned();
            if let Some(to) = to {
                exchange.set_uri(to.to_str().unwrap().parse().unwrap());
                exchange.reroute();
            }
        });
    })
}

#[tokio::test]
async fn who_is_sent_on_meets_the_gate_of_that_route() {
    let log = Log::new();
    let app = service(&log).register(sends_on()).start().await.unwrap();
    let ask = async |from: &str, to: &str, token: &str| {
        let request = Request::get(from)
            .header("x-to", to)
            .header("authorization", token);
        app.send(request.body(Body::empty()).unwrap()).await
    };
    // From a route for everybody.
    problem(&ask("/open", "/orders", "").await, 401, "http.unauthorized");
    assert_eq!(
        ask("/open", "/orders", "Bearer reader").await.text(),
        "orders"
    );
    assert_eq!(ask("/open", "/me", "Bearer reader").await.status(), 200);
    // From one gate to another: who it is, is known.
    let before = log.lines().len();
    assert_eq!(
        ask("/me", "/orders", "Bearer reader").await.text(),
        "orders"
    );
    assert_eq!(log.lines().len(), before + 1);
    problem(
        &ask("/orders", "/me", "Bearer guess").await,
        401,
        "http.unauthorized",
    );
    // To a route for everybody.
    assert_eq!(ask("/orders", "/open", "").await.text(), "open");
}

#[tokio::test]
async fn an_around_that_changes_the_request_does_not_change_who_it_is() {
    let forger = plugin("forger", |cx| {
        cx.around(async |mut request: Request<Body>, next: Next<'_>| {
            let forged = HeaderValue::from_static("Bearer writer");
            request.headers_mut().insert("authorization", forged);
            next.run(request).await
        });
    });
    let app = service(&Log::new()).register(forger).start().await.unwrap();
    assert_eq!(get(&app, "/orders", "").await.status(), 401);
    let me: Principal = get(&app, "/me", "reader").await.json();
    assert_eq!(me.subject, "ada");
}
