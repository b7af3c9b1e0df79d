//! Requests, by route, method and status.

use super::*;

const HELLO: &str =
    r#"http_server_requests_total{method="GET",route="/hello/{name}",status="200"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_by_route_method_and_status() {
    let router = axum::Router::new().route("/mounted", axum::routing::get(|| async { "here" }));
    let extra = plugin("extra", |cx| {
        cx.post("/orders", async || StatusCode::CREATED);
    });
    let running = start(crate::client::service([greeter(), extra])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    for path in [
        "/hello/Ada",
        "/hello/Bob",
        "/broken",
        "/panic",
        "/nowhere/1",
        "/nowhere/2",
        "/orders",
    ] {
        raw.get(path).await;
    }
    for (method, path) in [
        ("POST", "/orders"),
        ("BREW", "/hello/tea"),
        ("HEAD", "/nowhere"),
    ] {
        raw.send(format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        raw.head().await.unwrap();
        if method == "BREW" {
            // The body of the answer.
            raw = Raw::connect(running.service_address()).await;
        }
    }
    let page = page_of(&running).await;
    let seen: Vec<(&str, f64)> = page.of("http_server_requests_total").into_iter().collect();
    let line = |method, route, status| {
        format!(
            r#"http_server_requests_total{{method="{method}",route="{route}",status="{status}"}}"#
        )
    };
    let wanted = [
        (line("GET", "/broken", 500), 1.0),
        (line("GET", "/hello/{name}", 200), 2.0),
        (line("GET", "/orders", 405), 1.0),
        (line("GET", "/panic", 500), 1.0),
        (line("GET", "none", 404), 2.0),
        (line("HEAD", "none", 404), 1.0),
        (line("OTHER", "/hello/{name}", 405), 1.0),
        (line("POST", "/orders", 201), 1.0),
    ];
    assert_eq!(
        seen,
        wanted.each_ref().map(|(line, count)| (&**line, *count))
    );

    let labels = r#"method="GET",route="/hello/{name}",status="200""#;
    let name = "http_server_request_duration_seconds";
    assert_eq!(page.value(&format!("{name}_count{{{labels}}}")), 2.0);
    assert_eq!(
        page.value(&format!("{name}_bucket{{{labels},le=\"+Inf\"}}")),
        2.0
    );
    assert!(page.value(&format!("{name}_sum{{{labels}}}")) > 0.0);
    assert_eq!(page.value("http_server_active_requests"), 0.0);
    running.stop().await;

    let running = start(crate::client::service([greeter()]).router(router)).await;
    let mut raw = Raw::connect(running.service_address()).await;
    assert_eq!(raw.get("/mounted").await.text(), "here");
    raw.get("/nowhere").await;
    let page = page_of(&running).await;
    assert_eq!(page.value(&line("GET", "mounted", 200)), 1.0);
    assert_eq!(page.value(&line("GET", "mounted", 404)), 1.0);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_as_long_as_its_answer_and_is_active_to_its_last_byte() {
    let slow = plugin("slow", |cx| {
        cx.get("/slow", async || {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            "slow"
        });
    });
    let app = TestChassis::builder().register(slow).start().await.unwrap();
    let response = app
        .send_streaming(
            http::Request::get("/slow")
                .body(chassis::Body::empty())
                .unwrap(),
        )
        .await;
    let page = Page::read(&app.metrics());
    let labels = r#"method="GET",route="/slow",status="200""#;
    let bucket = |le: &str| {
        page.value(&format!(
            "http_server_request_duration_seconds_bucket{{{labels},le=\"{le}\"}}"
        ))
    };
    assert_eq!(
        (bucket("0.25"), bucket("0.5"), bucket("10")),
        (0.0, 1.0, 1.0)
    );
    let sum = page.value(&format!(
        "http_server_request_duration_seconds_sum{{{labels}}}"
    ));
    assert!((0.3..0.31).contains(&sum), "{sum}");
    assert_eq!(page.value("http_server_active_requests"), 1.0);
    drop(response);
    assert_eq!(
        Page::read(&app.metrics()).value("http_server_active_requests"),
        0.0
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_waits_for_is_a_499() {
    let hang = plugin("hang", |cx| {
        cx.get("/hang", async || std::future::pending::<()>().await);
    });
    let app = TestChassis::builder().register(hang).start().await.unwrap();
    let second = std::time::Duration::from_secs(1);
    assert!(
        tokio::time::timeout(second, app.get("/hang"))
            .await
            .is_err()
    );
    let page = Page::read(&app.metrics());
    let series = r#"http_server_requests_total{method="GET",route="/hang",status="499"}"#;
    assert_eq!(page.value(series), 1.0);
    assert_eq!(page.value("http_server_active_requests"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_499_is_counted_for_the_route_that_the_request_was_sent_to() {
    let hang = plugin("hang", |cx| {
        cx.get("/old", async || "old");
        cx.get("/hang", async || std::future::pending::<()>().await);
        cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
            exchange.set_uri(http::Uri::from_static("/hang"));
            exchange.reroute();
        });
    });
    let app = TestChassis::builder().register(hang).start().await.unwrap();
    let second = std::time::Duration::from_secs(1);
    assert!(tokio::time::timeout(second, app.get("/old")).await.is_err());
    let page = Page::read(&app.metrics());
    let series = r#"http_server_requests_total{method="GET",route="/hang",status="499"}"#;
    assert_eq!(
        page.of("http_server_requests_total"),
        BTreeMap::from([(series, 1.0)])
    );
}

#[tokio::test]
async fn series_do_not_grow_with_the_number_of_paths() {
    let app = TestChassis::builder()
        .register(greeter())
        .start()
        .await
        .unwrap();
    let mut lengths = Vec::new();
    for round in 0..2 {
        for number in 0..10_000 {
            app.get(&format!("/hello/{round}-{number}")).await;
            if number % 10 == 0 {
                app.get(&format!("/nowhere/{round}/{number}")).await;
            }
        }
        let page = Page::read(&app.metrics());
        lengths.push(page.len());
        assert_eq!(page.value(HELLO), f64::from((round + 1) * 10_000));
    }
    assert_eq!(lengths[0], lengths[1]);
}

#[tokio::test]
async fn counters_do_not_go_backwards_over_reloads() {
    let counting = plugin("counting", |cx| {
        let count = cx.counter("counting.calls", "Calls.");
        cx.get("/count", async move || count.increment(1));
    });
    let app = TestChassis::builder()
        .register(greeter())
        .register(counting)
        .start()
        .await
        .unwrap();
    let mut before = Page::read(&app.metrics());
    for round in 1..=3 {
        app.get("/hello/Ada").await;
        app.get("/count").await;
        app.get("/panic").await;
        let page = Page::read(&app.metrics());
        page.only_grew(&before);
        before = page;
        app.reload_all().await.unwrap();
        let page = Page::read(&app.metrics());
        page.only_grew(&before);
        before = page;
        assert_eq!(before.value(HELLO), f64::from(round));
        assert_eq!(
            before.value(r#"counting_calls_total{plugin="counting"}"#),
            f64::from(round)
        );
        let calls = r#"chassis_plugin_calls_total{plugin="greeter",point="http.routes",outcome="#;
        assert_eq!(before.value(&format!("{calls}\"ok\"}}")), f64::from(round));
        assert_eq!(
            before.value(&format!("{calls}\"panic\"}}")),
            f64::from(round)
        );
        assert_eq!(
            before.value(r#"chassis_reload_total{outcome="success"}"#),
            f64::from(round)
        );
    }
}

#[tokio::test]
async fn two_services_in_one_process_count_apart() {
    let one = TestChassis::builder()
        .register(greeter())
        .start()
        .await
        .unwrap();
    let other = TestChassis::builder()
        .register(greeter())
        .start()
        .await
        .unwrap();
    one.get("/hello/Ada").await;
    one.recording(|| metrics::counter!("jobs.done").increment(1));
    let (one, other) = (Page::read(&one.metrics()), Page::read(&other.metrics()));
    assert_eq!((one.get(HELLO), other.get(HELLO)), (Some(1.0), None));
    assert_eq!(
        (one.get("jobs_done_total"), other.get("jobs_done_total")),
        (Some(1.0), None)
    );
}
