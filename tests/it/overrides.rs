//! What operators change while the service runs: it lies over files and environment, and under the program.

use crate::client::{self, Raw};
use chassis::{ChassisBuilder, Running, prelude::*};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::net::SocketAddr;

mod disabled;
mod persisted;

/// Says its words.
#[plugin]
async fn speaker(config: SpeakerConfig, cx: &mut PluginContext) -> Result<()> {
    let said = format!("{} {}", config.one, config.inner.two);
    cx.get("/said", async move || said.clone());
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SpeakerConfig {
    one: String,
    #[serde(default)]
    inner: Inner,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    #[schemars(range(max = 9))]
    two: u8,
}

async fn start(yaml: &str) -> (Running, SocketAddr, SocketAddr) {
    let builder = client::service([]).plugin::<speaker>();
    up(builder.config_text("c.yaml", yaml)).await
}

async fn up(builder: ChassisBuilder) -> (Running, SocketAddr, SocketAddr) {
    let running = client::start(builder).await;
    let management = running.management_address().unwrap();
    let service = running.service_address();
    (running, service, management)
}

const CONFIG: &str = "plugins: {speaker: {config: {one: file, inner: {two: 1}}}}";

async fn send(management: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut raw = Raw::management(management).await;
    let length = body.len();
    raw.send(format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/merge-patch+json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
    .await;
    let answer = raw.answer().await;
    (answer.status.as_u16(), answer.json())
}

async fn said(service: SocketAddr) -> String {
    let answer = Raw::connect(service).await.get("/said").await;
    match answer.status.as_u16() {
        200 => answer.text().to_owned(),
        status => status.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_patched_and_taken_back() {
    let (running, service, management) = start(CONFIG).await;
    let path = "/plugins/speaker/config";
    assert_eq!(said(service).await, "file 1");
    let (status, body) = send(management, "PATCH", path, r#"{"inner": {"two": 2}}"#).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        body["message"],
        "generation 2 serves; a restart forgets what was changed here"
    );
    assert_eq!(said(service).await, "file 2");
    let (_, config) = send(management, "GET", "/config", "").await;
    let value = &config["values"]["plugins.speaker.config.inner.two"];
    assert_eq!(value["origin"], "management");

    // It survives a reload, and the next patch adds to it.
    assert_eq!(send(management, "POST", "/reload", "").await.0, 200);
    send(management, "PATCH", path, r#"{"one": "patched"}"#).await;
    assert_eq!(said(service).await, "patched 2");
    send(management, "PATCH", path, r#"{"inner": {"two": null}}"#).await;
    assert_eq!(said(service).await, "patched 1");

    // What is refused has not happened.
    for (patch, told) in [
        (
            r#"{"inner": {"two": 10}}"#,
            "it is 10; expected a whole number from 0 to 9",
        ),
        (r#"{"tow": 1}"#, "`tow` is not a known key"),
        ("[1]", "no JSON object"),
        ("{", "not JSON"),
    ] {
        let (status, body) = send(management, "PATCH", path, patch).await;
        assert!([400, 422].contains(&status), "{patch}: {status}");
        assert!(body.to_string().contains(told), "{body}");
    }
    assert_eq!(send(management, "POST", "/reload", "").await.0, 200);
    assert_eq!(said(service).await, "patched 1");
    assert_eq!(send(management, "DELETE", path, "").await.0, 200);
    assert_eq!(said(service).await, "file 1");
    assert_eq!(
        send(management, "DELETE", "/plugins/spaeker/config", "")
            .await
            .0,
        404
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plugins_are_disabled_and_enabled() {
    let (running, service, management) = start(CONFIG).await;
    let (status, body) = send(management, "POST", "/plugins/speaker/disable", "").await;
    assert_eq!((status, &body["generation"]), (200, &2.into()));
    assert_eq!(said(service).await, "404");
    let (_, plugin) = send(management, "GET", "/plugins/speaker", "").await;
    assert_eq!(plugin["reason"], "`enabled: false` at management");
    assert_eq!(
        send(management, "POST", "/plugins/speaker/enable", "")
            .await
            .0,
        200
    );
    assert_eq!(said(service).await, "file 1");
    running.stop().await;

    // The program has the last word.
    let (running, service, management) =
        start("plugins: {speaker: {config: {one: x}, required: true}}").await;
    let (status, body) = send(management, "POST", "/plugins/speaker/disable", "").await;
    assert_eq!((status, &body["code"]), (422, &"plugin.required".into()));
    assert_eq!(said(service).await, "x 0");
    running.stop().await;
}
