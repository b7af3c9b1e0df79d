//! `POST /reload`, and what can be seen while something is under way.

use super::{
    ask::{get, get_json, json, names, of_service, post, problem, request},
    numbered, service, shop, start, stop,
};
use crate::{
    client::soon,
    scripted::{info, scripted},
};
use chassis::{NoConfig, Plugin, Registration, prelude::*};
use http::Method;
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Semaphore};

/// A plugin whose `init` stops at a gate, the `at`th time it is built.
struct Gated<const GATE: usize>;

struct Gate {
    at: usize,
    entered: AtomicUsize,
    arrived: Semaphore,
    open: Semaphore,
}

impl Gate {
    const fn at(at: usize) -> Self {
        let entered = AtomicUsize::new(0);
        Self {
            at,
            entered,
            arrived: Semaphore::const_new(0),
            open: Semaphore::const_new(0),
        }
    }

    async fn until_arrived(&self) {
        let arrived = soon("arriving at the gate", self.arrived.acquire()).await;
        arrived.expect("the gate is there").forget();
    }
}

static GATES: [Gate; 3] = [Gate::at(1), Gate::at(2), Gate::at(2)];

impl<const GATE: usize> Plugin for Gated<GATE> {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        let gate = &GATES[GATE];
        if gate.entered.fetch_add(1, SeqCst) + 1 == gate.at {
            gate.arrived.add_permits(1);
            gate.open.acquire().await?.forget();
        }
        Ok(Self)
    }
}

fn gated<const GATE: usize>() -> Registration {
    Registration::new::<Gated<GATE>>(info("gated"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_answers_when_it_is_done() {
    let (running, management) = shop().await;
    let number = async || of_service(&running, "/number").await;
    let before = number().await;
    let (status, _, body) = post(management, "/reload?all=true").await;
    let reloaded = json(&body);
    assert_eq!(status, 200, "{reloaded}");
    assert_eq!(
        (&reloaded["generation"], &reloaded["previous"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(reloaded["message"], "generation 2 serves");
    assert!(reloaded["drained"] == true && reloaded["total_ms"].is_f64());
    assert_eq!(reloaded["not_running"], json!(["broken", "orders", "web"]));
    assert_ne!(number().await, before, "another instance answers");
    let generations = get_json(management, "/generations").await;
    let states: Vec<_> = generations
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["number"], &one["state"]))
        .collect();
    assert_eq!(
        states,
        [(&json!(2), &json!("serving")), (&json!(1), &json!("gone"))]
    );
    assert_eq!(get_json(management, "/plugins/pool").await["generation"], 2);
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_fails_says_why_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("plugins:\n  pool:\n    required: true\n");
    let builder = service()
        .config_file(&file)
        .plugin::<numbered>()
        .register(scripted("pool", &[]));
    let (running, management) = start(builder).await;
    let before = of_service(&running, "/number").await;

    // One error: with its place.
    write("plugins:\n  pool:\n    required: 1\n");
    let told = problem(post(management, "/reload").await, 422, "config.invalid");
    assert!(
        told["errors"][0]["at"]
            .as_str()
            .unwrap()
            .ends_with("config.yaml:3:15"),
        "{told}"
    );
    // Several: each with its place.
    write("plugins:\n  pol: {}\n  paul: {}\n");
    let told = problem(
        post(management, "/reload?all=true").await,
        422,
        "config.unknown_plugin",
    );
    assert_eq!(told["errors"].as_array().unwrap().len(), 2);
    write("servr: {}\n");
    problem(post(management, "/reload").await, 422, "config.unknown_key");
    // A plugin that the service can't do without.
    write("plugins:\n  pool:\n    required: true\n    config: { init: fail }\n");
    let told = problem(post(management, "/reload").await, 422, "plugin.required");
    let one = &told["errors"][0];
    assert_eq!(
        (&one["plugin"], &one["phase"]),
        (&json!("pool"), &json!("init"))
    );
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("init was told to fail"),
        "{told}"
    );
    std::fs::remove_file(&file).unwrap();
    problem(post(management, "/reload").await, 422, "config.unreadable");
    // What only a restart can change.
    write("shutdown:\n  grace: 5s\n");
    let told = problem(
        post(management, "/reload?all=true").await,
        409,
        "reload.needs_restart",
    );
    assert!(
        told["detail"].as_str().unwrap().contains("`shutdown`"),
        "{told}"
    );

    assert_eq!(
        of_service(&running, "/number").await,
        before,
        "the old generation serves on"
    );
    assert_eq!(
        get_json(management, "/generations")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        get_json(management, "/plugins/pool").await["state"],
        "running"
    );
    write("");
    assert_eq!(
        post(management, "/reload?all=true").await.0,
        200,
        "and can be reloaded still"
    );
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_reloads_at_once_are_one_too_many() {
    let (running, management) = start(service().register(gated::<1>())).await;
    let gate = &GATES[1];
    let first = tokio::spawn(async move { post(management, "/reload?all=true").await });
    gate.until_arrived().await;
    let busy = problem(
        post(management, "/reload?all=true").await,
        409,
        "reload.busy",
    );
    assert_eq!(busy["help"], "try again when it is done");
    let told = busy["detail"].as_str().unwrap();
    assert!(told.contains("all plugins are being built anew"), "{told}");
    assert_eq!(get_json(management, "/info").await["generation"], 1);
    gate.open.add_permits(1);
    assert_eq!(first.await.unwrap().0, 200);
    assert_eq!(get_json(management, "/info").await["generation"], 2);
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_goes_on_if_the_client_leaves() {
    let (running, management) = start(service().register(gated::<2>())).await;
    let gate = &GATES[2];
    let mut stream = TcpStream::connect(management).await.unwrap();
    let head = format!(
        "POST /reload?all=true HTTP/1.1\r\nHost: {management}\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    gate.until_arrived().await;
    drop(stream);
    gate.open.add_permits(1);
    let done = async {
        while get_json(management, "/info").await["generation"] != 2 {
            tokio::task::yield_now().await;
        }
    };
    soon("the reload goes on", done).await;
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_start_can_be_watched() {
    let management = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    let builder = service()
        .set("management.listen", management.to_string())
        .register(gated::<0>())
        .register(scripted("web", &["gated"]));
    let starting = tokio::spawn(builder.start());
    let gate = &GATES[0];
    gate.until_arrived().await;

    let status = get_json(management, "/plugins/status").await;
    assert_eq!(status["gated"]["state"], "initializing");
    assert_eq!(status["web"]["state"], "registered");
    assert_eq!(
        names(&get_json(management, "/plugins").await),
        ["gated", "web"]
    );
    let web = get_json(management, "/explain/web").await;
    let summary = "it waits for `gated` (initializing); number 2 of 2 in the order of plugins";
    assert_eq!(web["summary"], summary);
    assert_eq!(web["waits_for"][0]["because"], "`web` requires `gated`");
    let info = get_json(management, "/info").await;
    assert_eq!(
        (&info["ready"], &info["generation"], &info["name"]),
        (&json!(false), &Value::Null, &json!("shop"))
    );
    for path in ["/extension-points", "/plugins/graph"] {
        problem(get(management, path).await, 503, "closed");
    }
    let busy = problem(
        post(management, "/reload?all=true").await,
        409,
        "reload.busy",
    );
    let told = busy["detail"].as_str().unwrap();
    assert!(told.contains("the service is starting"), "{told}");

    gate.open.add_permits(1);
    let running = soon("the start", starting)
        .await
        .unwrap()
        .expect("it starts");
    assert_eq!(
        get_json(management, "/plugins/web").await["state"],
        "running"
    );
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_says_what_would_change_and_why() {
    let (running, management) = shop().await;
    let (status, _, body) = post(management, "/plugins/pool/reload?dry_run=true").await;
    let plan = json(&body);
    assert_eq!(status, 200, "{plan}");
    assert_eq!(plan["message"], "nothing was touched");
    assert_eq!(plan["rebuilt"], json!(["pool", "stamp"]), "{plan}");
    let pool = plan["instances"].as_array().unwrap().iter();
    let pool = pool.clone().find(|one| one["plugin"] == "pool").unwrap();
    assert_eq!(
        (&pool["action"], &pool["why"]),
        (&json!("rebuilt"), &json!("it is to be built anew"))
    );
    let info = get_json(management, "/info").await;
    assert_eq!(info["generation"], 1);
    // What an operator would change can be tried, too.
    let tried = post(management, "/plugins/pool/disable?dry_run=true").await;
    assert_eq!(json(&tried.2)["removed"], json!(["pool", "stamp"]));
    let wrong = post(management, "/reload?dryrun=true").await;
    problem(wrong, 400, "http.bad_request");
    problem(
        post(management, "/plugins/pol/reload").await,
        404,
        "plugin.unknown",
    );
    let (status, _, body) = post(management, "/plugins/pool/reload").await;
    assert_eq!(
        (status.as_u16(), &json(&body)["generation"]),
        (200, &json!(2))
    );
    assert_eq!(post(management, "/plugins/pool/disable").await.0, 200);
    let disabled = post(management, "/plugins/pool/reload").await;
    problem(disabled, 409, "plugin.disabled");
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_operators_do_not_overwrite_each_other() {
    let (running, management) = shop().await;
    let (_, headers, _) = get(management, "/config").await;
    assert_eq!(headers["etag"], "\"1\"");
    let with = async |tag: &str| {
        let headers = [("if-match", tag)];
        request(management, Method::POST, "/reload", &headers, "").await
    };
    let first = with("\"1\"").await;
    assert_eq!(
        (first.0.as_u16(), &first.1["etag"]),
        (200, &"\"2\"".parse().unwrap())
    );
    let told = problem(with("\"1\"").await, 412, "reload.stale");
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains("generation 2 serves")
    );
    problem(with("1").await, 400, "http.bad_request");
    assert_eq!(with("\"7\", \"2\"").await.0, 200);
    assert_eq!(with("*").await.0, 200);
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_wait_can_ask_later() {
    let (running, management) = shop().await;
    let ask = async |path: &str| {
        let headers = [("prefer", "respond-async, wait=10")];
        request(management, Method::POST, path, &headers, "").await
    };
    let (status, headers, body) = ask("/reload").await;
    assert_eq!(status, 202);
    assert_eq!(headers["preference-applied"], "respond-async");
    assert_eq!(json(&body)["state"], "running");
    let place = headers["location"].to_str().unwrap().to_owned();
    let ended = async |place: &str| {
        loop {
            let operation = get_json(management, place).await;
            if operation["state"] != "running" {
                return operation;
            }
        }
    };
    let operation = soon("the end of it", ended(&place)).await;
    assert_eq!(operation["state"], "succeeded");
    assert_eq!(operation["result"]["generation"], 2);
    // What goes wrong is told as it would have been.
    let headers = [
        ("prefer", "respond-async"),
        ("content-type", "application/json"),
    ];
    let patch = r#"{"innit": 1}"#;
    let bad = request(
        management,
        Method::PATCH,
        "/plugins/pool/config",
        &headers,
        patch,
    )
    .await;
    let place = bad.1["location"].to_str().unwrap().to_owned();
    let operation = soon("the end of it", ended(&place)).await;
    assert_eq!(operation["state"], "failed");
    assert_eq!(operation["error"]["code"], "config.unknown_key");
    let all = get_json(management, "/operations").await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    problem(
        get(management, "/operations/9").await,
        404,
        "http.not_found",
    );
    stop(running).await;
}
