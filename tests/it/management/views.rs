//! The index, `/extension-points`, `/info`.

use super::{
    ask::{get, get_json, of_service, problem, request},
    shop, stop,
};
use chassis::code;
use http::{Method, header};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_index_lists_endpoints_and_all_of_them_exist() {
    let (running, management) = shop().await;
    let service = chassis::Service::new("pool", "127.0.0.1", 1);
    let registered = running.handle().services().register(service).await;
    registered.expect("it is registered");
    let later = [("prefer", "respond-async")];
    let begun = request(management, Method::POST, "/reload", &later, "").await;
    assert_eq!(begun.0, 202);
    let index = get_json(management, "/").await;
    let endpoints = index.as_array().unwrap();
    assert_eq!(endpoints.len(), 38);
    for endpoint in endpoints {
        assert!(
            endpoint["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        let path = endpoint["path"].as_str().unwrap();
        let path = path.replace("{name}", "pool").replace("{target}", "root");
        let path = path.replace("{group}", "storage").replace("{id}", "1");
        let answer = request(management, Method::OPTIONS, &path, &[], "").await;
        let allow = answer.1[header::ALLOW].to_str().unwrap().to_owned();
        problem(answer, 405, "http.method_not_allowed");
        assert!(
            allow.split(',').any(|method| endpoint["method"] == method),
            "{path}: {allow}"
        );
        // The stream ends when the client wants.
        if endpoint["method"] == "GET" && path != "/events/stream" {
            if path == "/metrics" {
                assert_eq!(get(management, &path).await.0, 200);
            } else {
                get_json(management, &path).await;
            }
            let (status, headers, body) = request(management, Method::HEAD, &path, &[], "").await;
            assert_eq!((status.as_u16(), body.len()), (200, 0));
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        }
    }
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extension_points_show_their_handlers() {
    let (running, management) = shop().await;
    assert_eq!(of_service(&running, "/stamped").await, "stamped");
    let points = get_json(management, "/extension-points").await;
    let point = &points["middleware.pre_request"];
    assert_eq!(
        (&point["type"], &point["kind"]),
        (&json!("filter"), &json!("filter"))
    );
    for key in [
        "description",
        "return_type",
        "payload",
        "on_failure",
        "origin",
        "parameters",
    ] {
        assert!(point[key].is_string(), "{key} in {point}");
    }
    assert_eq!(point["handler_count"], 1);
    let handler = &point["handlers"][0];
    assert_eq!(
        (&handler["plugin"], &handler["priority"]),
        (&json!("stamp"), &json!(7))
    );
    assert_eq!(
        (&handler["calls"], &handler["errors"]),
        (&json!(1), &json!(0))
    );
    assert!(handler["mean_us"].is_f64() && handler["why"] == "priority 7");
    assert!(points["plugin.started"]["schema"].is_object());
    assert_eq!(
        points["plugin.started"]["parameters"],
        points["plugin.started"]["schema"]
    );
    // Those of `audit`, `numbered`, `pool` and `stamp`.
    assert_eq!(points["http.routes"]["handler_count"], 4);
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn info_tells_what_is_running_and_where() {
    let (running, management) = shop().await;
    let info = get_json(management, "/info").await;
    assert_eq!(
        (&info["name"], &info["version"]),
        (&json!("shop"), &json!("3.2.1"))
    );
    assert_eq!(
        info["addresses"]["service"],
        running.service_address().to_string()
    );
    assert_eq!(info["addresses"]["management"], management.to_string());
    assert_eq!(
        (&info["ready"], &info["generation"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(info["pid"], std::process::id());
    assert!(info["uptime_ms"].is_u64() && info["started"].is_u64() && info["chassis"].is_string());
    let handle = running.handle();
    stop(running).await;
    assert_eq!(handle.info().unwrap_err().code(), code::CLOSED);
    assert_eq!(handle.reload().await.unwrap_err().code(), code::CLOSED);
    let request = http::Request::new(chassis::Body::empty());
    let served = handle.serve(request, ([127, 0, 0, 1], 1).into()).await;
    assert_eq!(served.unwrap_err().code(), code::CLOSED);
}
