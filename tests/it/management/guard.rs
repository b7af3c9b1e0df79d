//! What is not answered: wrong paths, wrong methods, browsers of other sites.

use super::{
    ask::{get, post, problem, request},
    shop, stop,
};
use http::{Method, header};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_paths_and_methods_are_told_as_problems() {
    let (running, management) = shop().await;
    problem(get(management, "/plugin").await, 404, "http.not_found");
    problem(get(management, "/plugins/").await, 404, "http.not_found");
    let answer = post(management, "/plugins").await;
    assert_eq!(answer.1[header::ALLOW], "GET,HEAD");
    problem(answer, 405, "http.method_not_allowed");
    let answer = get(management, "/reload").await;
    assert_eq!(answer.1[header::ALLOW], "POST");
    problem(answer, 405, "http.method_not_allowed");
    assert_eq!(running.handle().generations().unwrap().len(), 1);
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_of_other_sites_are_kept_out() {
    let (running, management) = shop().await;
    let own = management.to_string();
    for host in [
        "evil.example",
        "evil.example:8081",
        "localhost.evil.example",
        "10.0.0.1",
        "",
    ] {
        let answer = request(management, Method::GET, "/plugins", &[("host", host)], "").await;
        problem(answer, 403, "http.forbidden");
    }
    for host in [
        "localhost",
        "LOCALHOST:8081",
        "shop.localhost:1",
        "[::1]:8081",
        "127.0.0.2",
    ] {
        assert_eq!(
            request(management, Method::GET, "/plugins", &[("host", host)], "")
                .await
                .0,
            200,
            "{host}"
        );
    }
    let foreign: [&[(&str, &str)]; 5] = [
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "http://evil.example")],
        &[("origin", "http://127.0.0.1:1")],
        &[("origin", "null")],
    ];
    for headers in foreign {
        problem(
            request(management, Method::POST, "/reload", headers, "").await,
            403,
            "http.forbidden",
        );
    }
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ] {
        let answer = request(
            management,
            Method::POST,
            "/reload",
            &[("content-type", media_type)],
            "{}",
        )
        .await;
        problem(answer, 415, "http.unsupported_media_type");
    }
    problem(
        request(management, Method::POST, "/reload", &[], "{}").await,
        415,
        "http.unsupported_media_type",
    );
    let json = ("content-type", "application/json; charset=utf-8");
    let large = vec![b' '; (64 << 10) + 1];
    problem(
        request(management, Method::POST, "/reload", &[json], large).await,
        413,
        "http.body_too_large",
    );
    for body in ["{", "[]", r#"{"force":true}"#] {
        problem(
            request(management, Method::POST, "/reload", &[json], body).await,
            400,
            "http.bad_request",
        );
    }
    assert_eq!(
        running.handle().generations().unwrap().len(),
        1,
        "none of these was a reload"
    );

    let origin = format!("http://{own}");
    let headers = [
        ("origin", &*origin),
        ("sec-fetch-site", "same-origin"),
        json,
    ];
    assert_eq!(
        request(management, Method::POST, "/reload", &headers, "{}")
            .await
            .0,
        200
    );
    stop(running).await;
}
