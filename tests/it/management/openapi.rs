//! `GET /openapi.json`: the endpoints for programs. That answers are as it says, every other test checks.

use super::{
    ask::{get_json, json, post, request},
    shop, stop,
};
use crate::document;
use http::Method;
use serde_json::Value;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_openapi_and_tells_of_every_endpoint() {
    let (running, management) = shop().await;
    let document = get_json(management, "/openapi.json").await;
    document::assert_openapi(&document);
    assert_eq!(document["openapi"], "3.1.0");

    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.clone()));
            assert!(operation["summary"].is_string(), "{method} {path}");
            for status in ["403", "500"] {
                let answer = &operation["responses"][status];
                let problem = &answer["content"]["application/problem+json"];
                assert!(problem.is_object(), "{method} {path}: {status}");
            }
        }
        // The router has the same methods there.
        let asked = path.replace("{name}", "pool").replace("{target}", "root");
        let (.., headers, _) = request(management, Method::OPTIONS, &asked, &[], "").await;
        let allow = headers["allow"].to_str().unwrap();
        let allow: BTreeSet<_> = allow.split(',').filter(|one| *one != "HEAD").collect();
        let operations = operations.as_object().unwrap().keys();
        let operations: Vec<_> = operations.map(|method| method.to_uppercase()).collect();
        assert_eq!(allow, operations.iter().map(|one| &**one).collect());
    }
    let index = get_json(management, "/").await;
    let text = |endpoint: &Value, key: &str| endpoint[key].as_str().unwrap().to_owned();
    let listed = index.as_array().unwrap().iter();
    let listed = listed.map(|endpoint| (text(endpoint, "method"), text(endpoint, "path")));
    assert_eq!(described, listed.collect());
    stop(running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_says_what_is_sent_and_what_comes_back() {
    let (running, management) = shop().await;
    let document = get_json(management, "/openapi.json").await;
    let list = &document["paths"]["/plugins"]["get"];
    let parameter = |name: &str| {
        let all = list["parameters"].as_array().unwrap().iter();
        let mut all = all.filter(|one| one["name"] == name);
        all.next().unwrap_or_else(|| panic!("no `{name}`")).clone()
    };
    assert_eq!(parameter("q")["schema"]["type"], "string");
    assert!(
        parameter("role")["schema"]["enum"]
            .to_string()
            .contains("middleware")
    );
    let states = parameter("state")["schema"]["$ref"]
        .as_str()
        .unwrap()
        .to_owned();
    let states = document.pointer(&states[1..]).unwrap().to_string();
    assert!(states.contains("blocked"), "{states}");
    let format = &document["paths"]["/plugins/graph"]["get"]["parameters"][0];
    assert_eq!(format["schema"]["default"], "json");

    let patch = &document["paths"]["/plugins/{name}/config"]["patch"];
    assert_eq!(patch["requestBody"]["required"], true);
    assert!(patch["requestBody"]["content"]["application/merge-patch+json"].is_object());
    let reload = &document["paths"]["/reload"]["post"]["responses"];
    let conflict = reload["409"]["description"].as_str().unwrap();
    assert!(conflict.contains("`reload.busy`"), "{conflict}");
    let reloaded = &document["components"]["schemas"]["Reloaded"]["properties"]["drained"];
    assert_eq!(reloaded["type"], "boolean");
    assert!(reloaded["description"].is_string());
    let metrics = &document["paths"]["/metrics"]["get"]["responses"]["200"]["content"];
    assert!(metrics["text/plain"].is_object());
    let stream = &document["paths"]["/events/stream"]["get"]["responses"]["200"]["content"];
    assert!(stream["text/event-stream"].is_object());

    // It is the same whatever the service is.
    let (status, _, body) = post(management, "/reload").await;
    assert_eq!(status, 200, "{}", json(&body));
    let again = get_json(management, "/openapi.json").await;
    assert!(again == document, "it has changed");
    stop(running).await;
}
