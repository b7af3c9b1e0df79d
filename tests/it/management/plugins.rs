//! `/plugins`, its filters, the graph, `/explain`.

use super::{
    ask::{get, get_json, names, problem},
    shop, stop,
};
use chassis::PluginState;
use http::header;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_are_listed_in_order_and_chosen_by_state_role_and_text() {
    let (running, management) = shop().await;
    let all = get_json(management, "/plugins").await;
    let order = [
        "audit", "broken", "idle", "numbered", "orders", "pool", "stamp", "web",
    ];
    assert_eq!(names(&all), order);
    assert_eq!(
        names(&get_json(management, "/plugins?state=running").await),
        ["audit", "numbered", "pool", "stamp"]
    );
    assert_eq!(
        names(&get_json(management, "/plugins?role=middleware").await),
        ["stamp"]
    );
    assert_eq!(
        names(&get_json(management, "/plugins?q=PAINT").await),
        ["stamp"]
    );
    assert_eq!(
        names(&get_json(management, "/plugins?q=which&state=running").await),
        ["numbered"]
    );
    assert_eq!(
        names(&get_json(management, "/plugins?q=nothing-of-that").await),
        [""; 0]
    );
    for query in ["state=walking", "role=waiter", "stat=running"] {
        problem(
            get(management, &format!("/plugins?{query}")).await,
            400,
            "http.bad_request",
        );
    }

    let stamp = get_json(management, "/plugins/stamp").await;
    assert_eq!(stamp["state"], "running");
    assert_eq!(stamp["description"], "Stamps answers, twice.");
    assert_eq!(stamp["dependencies"], json!(["pool"]));
    assert_eq!(stamp["roles"], json!(["service", "middleware"]));
    assert_eq!(stamp["order"], 7);
    assert_eq!(stamp["generation"], 1);
    assert_eq!(stamp["info"]["tags"], json!(["paint"]));
    assert!(
        stamp["since"].is_u64() && stamp["init_ms"].is_f64() && stamp["config_schema"].is_object()
    );
    let at = |point: &str| {
        let mut all = stamp["contributions"].as_array().unwrap().iter();
        all.find(|one| one["point"] == point)
            .unwrap_or_else(|| panic!("nothing at {point}"))
            .clone()
    };
    assert_eq!(at("http.routes")["handler"], "GET /stamped");
    assert_eq!(at("middleware.pre_request")["calls"], 0);

    let broken = get_json(management, "/plugins/broken").await;
    assert_eq!(broken["state"], "failed");
    assert!(
        broken["last_error"]["message"]
            .as_str()
            .unwrap()
            .contains("init was told to fail")
    );
    let unknown = problem(
        get(management, "/plugins/stomp").await,
        404,
        "plugin.unknown",
    );
    assert!(
        unknown["help"]
            .as_str()
            .unwrap()
            .starts_with("did you mean `stamp`?"),
        "{unknown}"
    );

    let status = get_json(management, "/plugins/status").await;
    assert_eq!(status.as_object().unwrap().len(), 8);
    assert_eq!(status["pool"]["state"], "running");
    assert_eq!(status["pool"]["version"], "1.0.0");
    assert_eq!(status["web"]["dependencies"], json!(["orders", "pool ^1"]));
    assert!(status["web"]["description"].is_string());
    assert_eq!(
        running.handle().status().unwrap()["web"].state,
        PluginState::Blocked
    );
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_graph_comes_in_three_formats() {
    let (running, management) = shop().await;
    let graph = get_json(management, "/plugins/graph").await;
    assert_eq!(
        graph,
        get_json(management, "/plugins/graph?format=json").await
    );
    assert_eq!(graph["nodes"].as_array().unwrap().len(), 8);
    let edge = json!({ "from": "pool", "to": "web", "kind": "requires", "declared_by": "web", "text": "pool ^1" });
    assert!(
        graph["edges"].as_array().unwrap().contains(&edge),
        "{graph}"
    );
    for (format, media_type, begin) in [
        (
            "mermaid",
            "text/vnd.mermaid; charset=utf-8",
            "flowchart TD\n",
        ),
        (
            "dot",
            "text/vnd.graphviz; charset=utf-8",
            "digraph plugins {\n",
        ),
    ] {
        let (status, headers, body) =
            get(management, &format!("/plugins/graph?format={format}")).await;
        assert_eq!(status, 200);
        assert_eq!(headers[header::CONTENT_TYPE], media_type);
        assert!(body.starts_with(begin.as_bytes()));
    }
    problem(
        get(management, "/plugins/graph?format=png").await,
        400,
        "http.bad_request",
    );
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_says_why() {
    let (running, management) = shop().await;
    let explain = async |name: &str| get_json(management, &format!("/explain/{name}")).await;

    let stamp = explain("stamp").await;
    assert_eq!(
        stamp["summary"],
        "it runs, as number 7 of 8 in the order of plugins"
    );
    assert_eq!(
        (stamp["order"].as_u64(), stamp["plugins"].as_u64()),
        (Some(7), Some(8))
    );
    let because: Vec<&str> = stamp["waits_for"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tie| tie["because"].as_str().unwrap())
        .collect();
    assert_eq!(
        because,
        ["`stamp` comes after `audit`", "`stamp` requires `pool`"]
    );
    let positions = stamp["positions"].as_array().unwrap();
    let hook = positions
        .iter()
        .find(|one| one["point"] == "middleware.pre_request")
        .unwrap();
    assert_eq!(
        (hook["position"].as_u64(), hook["of"].as_u64()),
        (Some(1), Some(1))
    );
    assert_eq!(hook["why"], "priority 7");
    let route = positions
        .iter()
        .find(|one| one["point"] == "http.routes")
        .unwrap();
    assert_eq!(
        (&route["position"], &route["why"]),
        (&Value::Null, &json!("matched by its path"))
    );

    let pool = explain("pool").await;
    let waiting: Vec<&str> = pool["waited_for_by"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tie| tie["plugin"].as_str().unwrap())
        .collect();
    assert_eq!(waiting, ["stamp", "web"]);

    let broken = explain("broken").await;
    assert_eq!(broken["state"], "failed");
    assert_eq!(broken["summary"], "it failed: init was told to fail");

    // Blocked by one that is blocked by one that failed: the last is what has to be mended.
    let web = explain("web").await;
    assert_eq!(web["state"], "blocked");
    assert_eq!(
        web["summary"],
        "it is blocked: it requires `orders`, which is blocked"
    );
    let cause =
        json!([{ "plugin": "broken", "state": "failed", "reason": "init was told to fail" }]);
    assert_eq!(web["causes"], cause);
    assert_eq!(
        web["help"],
        "at the root of it: `broken` is failed: init was told to fail"
    );

    let idle = explain("idle").await;
    assert_eq!(idle["state"], "disabled");
    assert!(
        idle["summary"]
            .as_str()
            .unwrap()
            .starts_with("it is disabled: `enabled: false`"),
        "{idle}"
    );
    assert_eq!(idle["help"], "set `plugins.idle.enabled: true` and reload");

    let unknown = problem(
        get(management, "/explain/stomp").await,
        404,
        "plugin.unknown",
    );
    assert_eq!(unknown["detail"], "there is no plugin `stomp`");
    assert_eq!(unknown["help"], "did you mean `stamp`?");
    let unknown = problem(
        get(management, "/explain/elsewhere").await,
        404,
        "plugin.unknown",
    );
    let help = "`GET /plugins` lists those that there are";
    assert_eq!(unknown["help"], help);
    problem(
        get(management, "/explain/%FF").await,
        400,
        "http.bad_request",
    );
    stop(running).await;
}
