//! Pages of plugins on the management listener: whatever they do, the other endpoints answer.

use super::{
    ask::{Answer, get, get_json, json, post, problem, request},
    service, start, stop,
};
use crate::{client::soon, made::plugin};
use axum::response::Html;
use bytes::Bytes;
use chassis::{Body, ClientAddr, Query, code, prelude::*};
use futures::stream;
use http::Method;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// Keeps jobs.
#[plugin]
async fn queue(cx: &mut PluginContext) -> Result<()> {
    cx.management_get("/", async || Html("<h1>jobs</h1>"))
        .about("all jobs");
    cx.management_get(
        "/jobs/{id}",
        async |Path(id): Path<u32>, client: ClientAddr| {
            format!("job {id}, asked from {}", client.0)
        },
    );
    cx.management_post("/jobs", async |Json(job): Json<Value>| {
        Json(json!({"added": job}))
    });
    cx.management_get("/missing", async || -> Result<String> {
        Err(Error::new(code::NOT_FOUND, "there is no such job").with_help("look at `/`"))
    });
    cx.management_get("/headers", async |headers: HeaderMap| {
        headers
            .keys()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    });
    cx.get("/jobs", async |Query(()): Query<()>| "for clients");
    Ok(())
}

fn text(answer: &Answer) -> &str {
    str::from_utf8(&answer.2).expect("it is a text")
}

#[tokio::test]
async fn a_plugin_has_pages_for_operators() {
    let (running, management) = start(service().plugin::<queue>()).await;
    let page = get(management, "/plugins/queue/pages").await;
    assert_eq!((page.0.as_u16(), text(&page)), (200, "<h1>jobs</h1>"));
    assert_eq!(page.1["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.1["cache-control"], "no-store");
    let page = get(management, "/plugins/queue/pages/jobs/7").await;
    assert_eq!(text(&page), "job 7, asked from 127.0.0.1");
    let json_body = [("content-type", "application/json")];
    let path = "/plugins/queue/pages/jobs";
    let added = request(management, Method::POST, path, &json_body, r#""mail""#).await;
    assert_eq!(json(&added.2), json!({"added": "mail"}));

    // Errors, wrong paths and methods are told as everywhere here.
    let told = problem(
        get(management, "/plugins/queue/pages/missing").await,
        404,
        "http.not_found",
    );
    assert_eq!(told["help"], "look at `/`");
    problem(
        get(management, "/plugins/queue/pages/nothing").await,
        404,
        "http.not_found",
    );
    problem(
        get(management, "/plugins/queue/pages/jobs").await,
        405,
        "http.method_not_allowed",
    );
    problem(
        get(management, "/plugins/queue/pages/jobs/seven").await,
        400,
        "http.bad_request",
    );
    let told = problem(
        get(management, "/plugins/queu/pages").await,
        404,
        "plugin.unknown",
    );
    assert!(told["help"].as_str().unwrap().contains("`queue`"), "{told}");
    // The same guard stands before them.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    problem(
        request(management, Method::POST, path, &form, "a=b").await,
        415,
        "http.unsupported_media_type",
    );
    let foreign = [("host", "evil.example")];
    problem(
        request(
            management,
            Method::GET,
            "/plugins/queue/pages",
            &foreign,
            "",
        )
        .await,
        403,
        "http.forbidden",
    );
    // They are not the service's, and the service's are not theirs.
    let clients = running.service_address();
    assert_eq!(get(clients, "/plugins/queue/pages").await.0, 404);
    stop(running).await;
}

#[tokio::test]
async fn pages_are_listed_and_counted() {
    let (running, management) = start(service().plugin::<queue>()).await;
    get(management, "/plugins/queue/pages").await;
    let index = get_json(management, "/").await;
    let of_queue: Vec<&Value> = index
        .as_array()
        .unwrap()
        .iter()
        .filter(|listed| listed["plugin"] == "queue")
        .collect();
    assert_eq!(of_queue.len(), 5);
    assert_eq!(
        of_queue[0],
        &json!({
            "method": "GET", "path": "/plugins/queue/pages", "description": "all jobs", "plugin": "queue",
        })
    );
    assert_eq!(of_queue[1]["description"], "a page of the plugin `queue`");
    let points = get_json(management, "/extension-points").await;
    let point = &points["management.routes"];
    assert_eq!(
        (&point["handler_count"], &point["kind"]),
        (&json!(5), &json!("provider"))
    );
    assert_eq!(point["handlers"][0]["handler"], "GET /plugins/queue/pages");
    assert_eq!(point["handlers"][0]["calls"], 1);
    let report = get_json(management, "/plugins/queue").await;
    assert_eq!(report["roles"], json!(["service", "extension"]));
    let page = get(management, "/metrics").await;
    let page = text(&page);
    let calls = r#"plugin="queue",point="management.routes""#;
    assert!(page.contains(calls), "{page}");
    // Requests of operators are not those of the service.
    assert!(!page.contains("/plugins/queue/pages"), "{page}");
    stop(running).await;
}

#[tokio::test]
async fn pages_ask_for_the_token_and_do_not_see_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    fs::write(&file, "0123456789abcdef").unwrap();
    let builder = service().plugin::<queue>();
    let builder = builder.set("management.token_file", file.display().to_string());
    let (running, management) = start(builder).await;
    let path = "/plugins/queue/pages/headers";
    problem(get(management, path).await, 401, "http.unauthorized");
    let bearer = [("authorization", "Bearer 0123456789abcdef"), ("x-own", "1")];
    let seen = request(management, Method::GET, path, &bearer, "").await;
    assert_eq!(text(&seen), "host x-own");
    stop(running).await;
}

#[tokio::test]
async fn pages_go_with_their_instance() {
    let (running, management) = start(service().plugin::<queue>()).await;
    let status = async || get(management, "/plugins/queue/pages").await.0.as_u16();
    assert_eq!(status().await, 200);
    assert_eq!(post(management, "/reload").await.0, 200);
    assert_eq!(status().await, 200);
    assert_eq!(post(management, "/plugins/queue/disable").await.0, 200);
    assert_eq!(status().await, 404);
    let index = get_json(management, "/").await;
    assert!(
        index
            .as_array()
            .unwrap()
            .iter()
            .all(|listed| listed["plugin"].is_null())
    );
    assert_eq!(post(management, "/plugins/queue/enable").await.0, 200);
    assert_eq!(status().await, 200);
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_blocks_keeps_no_other_endpoint_waiting() {
    let (release, released) = mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let begun = Arc::new(Semaphore::new(0));
    let tell = Arc::clone(&begun);
    let stuck = plugin("stuck", move |cx| {
        let (released, tell) = (Arc::clone(&released), Arc::clone(&tell));
        cx.management_get("/", async move || {
            tell.add_permits(1);
            // A worker of the service is lost to it, as to any handler that does this.
            _ = released.lock().expect("nobody panics with it").recv();
            "at last"
        });
    });
    let (running, management) = start(service().register(stuck)).await;
    let stuck = tokio::spawn(async move { get(management, "/plugins/stuck/pages").await });
    let began = soon("the page", begun.acquire()).await;
    began.unwrap().forget();
    get_json(management, "/health").await;
    get_json(management, "/plugins/stuck").await;
    release.send(()).unwrap();
    assert_eq!(text(&stuck.await.unwrap()), "at last");
    stop(running).await;
}

#[tokio::test]
async fn a_page_that_fails_in_any_way_is_a_problem_and_no_more() {
    let dropped = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&dropped);
    let wild = plugin("wild", move |cx| {
        cx.management_get("/panic", async || -> String { panic!("was told to") });
        cx.management_get("/late-panic", async || {
            let chunk = || -> Result<Bytes, Infallible> { panic!("was told to, later") };
            Body::from_stream(stream::once(async move { chunk() }))
        });
        cx.management_get("/huge", async || Body::from(vec![b' '; (8 << 20) + 1]));
        let noted = Arc::clone(&noted);
        cx.management_get("/hang", async move || {
            let _end = Noted(noted);
            std::future::pending::<()>().await;
        })
        .deadline(Duration::from_millis(20));
    });
    let (running, management) = start(service().register(wild)).await;
    for (path, status, code) in [
        ("panic", 500, "panic"),
        ("late-panic", 500, "panic"),
        ("huge", 500, "internal"),
        ("hang", 504, "deadline"),
    ] {
        let answer = get(management, &format!("/plugins/wild/pages/{path}")).await;
        problem(answer, status, code);
    }
    assert!(dropped.load(SeqCst), "it is not left behind");
    get_json(management, "/health").await;
    stop(running).await;
}

struct Noted(Arc<AtomicBool>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[tokio::test]
async fn only_so_many_pages_are_under_way() {
    let gate = Arc::new(Semaphore::new(0));
    let begun = Arc::new(Semaphore::new(0));
    let (wait, tell) = (Arc::clone(&gate), Arc::clone(&begun));
    let slow = plugin("slow", move |cx| {
        let (wait, tell) = (Arc::clone(&wait), Arc::clone(&tell));
        cx.management_get("/", async move || {
            tell.add_permits(1);
            wait.acquire().await.expect("it stays open").forget();
        });
    });
    let (running, management) = start(service().register(slow)).await;
    let ask = || tokio::spawn(async move { get(management, "/plugins/slow/pages").await });
    let under_way: Vec<_> = (0..16).map(|_| ask()).collect();
    soon("all of them", begun.acquire_many(16))
        .await
        .unwrap()
        .forget();
    problem(ask().await.unwrap(), 503, "plugin.busy");
    get_json(management, "/health").await;
    gate.add_permits(17);
    for one in under_way {
        assert_eq!(one.await.unwrap().0, 200);
    }
    assert_eq!(ask().await.unwrap().0, 200);
    stop(running).await;
}

#[tokio::test]
async fn one_path_has_one_page() {
    let twice = plugin("twice", |cx| {
        cx.management_get("/x", async || "one");
        cx.management_get("/x", async || "two");
    });
    let error = service().register(twice).start().await.unwrap_err();
    assert_eq!(error.code(), code::ROUTE_CONFLICT);
    let told = error.report();
    assert!(
        told.contains("`GET /plugins/twice/pages/x` is claimed twice")
            && told.contains("management.routes"),
        "{told}"
    );
    let wrong = plugin("wrong", |cx| {
        cx.management_get("jobs", async || "");
    });
    let builder = service()
        .register(wrong)
        .set("plugins.wrong.required", true);
    let told = builder.start().await.unwrap_err().report();
    assert!(told.contains("`jobs` is not the path of a route"), "{told}");
}
