//! Metrics that are made of answers.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_an_answer_says_is_recorded_and_the_client_gets_it_unchanged() {
    let app = start(
        "{name: orders.answered, kind: counter, routes: [POST /orders], labels: {status: status, method: method, route: route, plan: 'header:x-plan'}},
         {name: orders.cents, kind: counter, routes: [POST /orders], status: [201, 3xx], value: /total/cents, labels: {state: /state}},
         {name: order.items, kind: gauge, routes: [POST /orders], value: 'header:x-items'},
         {name: answers.bytes, kind: histogram, routes: ['/orders/**'], value: size},
         {name: slow.seconds, kind: histogram, routes: [/slow], value: duration}",
    )
    .await;
    let order = json!({ "state": "new", "total": { "cents": 450 } });
    let size = order.to_string().len();
    let headers = [("x-status", "201"), ("x-items", " 3 "), ("x-plan", "gold")];
    let answer = post(&app, "/orders", &headers, &order).await;
    assert_eq!(answer.status(), 201);
    let answer = post(&app, "/orders", &[], &order).await;
    assert_eq!(answer.status(), 200);
    let all =
        "method=\"POST\",plan=\"gold\",plugin=\"custom-metrics\",route=\"/orders\",status=\"201\"";
    assert_eq!(value(&app, "orders_answered_total", all), Some(1.0));
    let all =
        "method=\"POST\",plan=\"none\",plugin=\"custom-metrics\",route=\"/orders\",status=\"200\"";
    assert_eq!(value(&app, "orders_answered_total", all), Some(1.0));
    // That of 200 is not meant.
    assert_eq!(
        value(&app, "orders_cents_total", "state=\"new\""),
        Some(450.0)
    );
    assert_eq!(value(&app, "order_items", ""), Some(3.0));
    assert_eq!(skipped(&app, "missing"), Some(1.0));
    assert_eq!(
        value(&app, "answers_bytes_sum", ""),
        Some(2.0 * size as f64)
    );
    app.get("/slow").await;
    assert_eq!(value(&app, "slow_seconds_sum", ""), Some(0.3));
    assert_eq!(value(&app, "slow_seconds_bucket", "le=\"0.25\""), Some(0.0));
    // Nobody asks for this one.
    post(&app, "/others", &headers, &order).await;
    assert_eq!(value(&app, "answers_bytes_count", ""), Some(2.0));
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_looked_into_is_skipped_and_told_why() {
    let app = start("{name: cents, kind: counter, routes: [POST /orders], value: /cents}").await;
    let order = json!({ "cents": 5 });
    post(&app, "/orders", &[("x-type", "text/plain")], &order).await;
    post(&app, "/orders", &[("content-encoding", "gzip")], &order).await;
    post(
        &app,
        "/orders",
        &[],
        &json!({ "cents": 5, "text": "x".repeat(65_536) }),
    )
    .await;
    let broken = Request::post("/orders").body(Body::from("{")).unwrap();
    assert_eq!(app.send(broken).await.text(), "{");
    assert_eq!(skipped(&app, "not_json"), Some(2.0));
    assert_eq!(skipped(&app, "encoded"), Some(1.0));
    assert_eq!(skipped(&app, "too_large"), Some(1.0));
    assert_eq!(value(&app, "cents_total", ""), Some(0.0));
    // What says of itself that it is JSON is.
    post(
        &app,
        "/orders",
        &[("x-type", "application/problem+json; charset=utf-8")],
        &order,
    )
    .await;
    assert_eq!(value(&app, "cents_total", ""), Some(5.0));
}

/// Streams its answer.
#[plugin]
async fn stream(cx: &mut PluginContext) -> Result<()> {
    cx.get("/stream", async || {
        let body = Body::new(Piece(Some(Bytes::from_static(b"{\"cents\":5}"))));
        ([(CONTENT_TYPE, "application/json")], body)
    });
    Ok(())
}

/// A body of which nobody knows how large it is.
struct Piece(Option<Bytes>);

impl chassis::axum::body::HttpBody for Piece {
    type Data = Bytes;
    type Error = chassis::axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::result::Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_read() {
    let app = service("{name: cents, kind: counter, routes: [/stream], value: /cents}");
    let app = app.plugin::<stream>().start().await.unwrap();
    assert_eq!(app.get("/stream").await.text(), "{\"cents\":5}");
    assert_eq!(skipped(&app, "streamed"), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_one_value_however_many_patterns_are_for_it() {
    let app = start("{name: seen, kind: counter, routes: ['/orders/{id}', '/orders/**', 'GET /orders/{id}', /nowhere]},
        {name: all, kind: counter, routes: [/orders, '/**']}")
    .await;
    app.get("/orders/7").await;
    assert_eq!(value(&app, "seen_total", ""), Some(1.0));
    // Where there is no route, the path decides.
    assert_eq!(app.get("/nowhere").await.status(), 404);
    assert_eq!(app.get("/elsewhere").await.status(), 404);
    assert_eq!(app.request(Method::DELETE, "/orders/7").await.status(), 405);
    assert_eq!(value(&app, "seen_total", ""), Some(3.0));
    assert_eq!(value(&app, "all_total", ""), Some(4.0));
}
