//! What operators change with `persist` a restart remembers: it is in `config.local.yaml`.

use super::{Running, SocketAddr, Value, client, said, send, speaker, up};
use crate::client::soon;
use chassis::{ChassisBuilder, code, prelude::*};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const PATCH: &str = "/plugins/speaker/config?persist=true";

fn with(yaml: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.yaml"), yaml).unwrap();
    folder
}

fn local(folder: &TempDir) -> PathBuf {
    folder.path().join("config.local.yaml")
}

/// As an editor does it.
fn write(path: &Path, text: &str) {
    let new = path.with_extension("edited");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

fn builder(folder: &TempDir) -> ChassisBuilder {
    let builder = client::service([]).plugin::<speaker>();
    builder.config_file(folder.path().join("config.yaml"))
}

async fn start(folder: &TempDir) -> (Running, SocketAddr, SocketAddr) {
    up(builder(folder)).await
}

async fn origin(management: SocketAddr, path: &str) -> String {
    let (_, config) = send(management, "GET", "/config", "").await;
    config["values"][path]["origin"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn until_said(service: SocketAddr, text: &str) {
    let told = async {
        while said(service).await != text {
            tokio::task::yield_now().await;
        }
    };
    soon(text, told).await;
}

/// The answer, when a reload of the service's own is done that may be running.
async fn in_turn(management: SocketAddr, method: &str, path: &str, body: &str) -> Value {
    let answered = async {
        loop {
            let (_, answer) = send(management, method, path, body).await;
            if answer["code"] != "reload.busy" {
                return answer;
            }
        }
    };
    soon("a turn", answered).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_remembers_what_is_persisted_and_nothing_else() {
    let folder = with("plugins: {speaker: {config: {one: file, inner: {two: 1}}}}");
    let (running, service, management) = start(&folder).await;
    let (status, body) = send(management, "PATCH", PATCH, r#"{"one": "kept"}"#).await;
    assert_eq!((status, &body["persisted"]), (200, &json!(true)), "{body}");
    let message = "generation 2 serves; a restart remembers what was changed here";
    assert_eq!(body["message"], message);
    let path = "/plugins/speaker/config";
    let (_, body) = send(management, "PATCH", path, r#"{"inner": {"two": 2}}"#).await;
    assert_eq!(body["persisted"], false);
    let (_, body) = send(management, "POST", "/reload", "").await;
    assert_eq!(body["persisted"], Value::Null, "nothing was changed");
    assert_eq!(said(service).await, "kept 2");
    let one = "plugins.speaker.config.one";
    let place = format!("{}:7:12", local(&folder).display());
    assert_eq!(origin(management, one).await, place);
    let text = fs::read_to_string(local(&folder)).unwrap();
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("# Written by the service"), "{text}");
    assert!(text.ends_with("plugins:\n  speaker:\n    config:\n      one: kept\n"));
    let (_, config) = send(management, "GET", "/config", "").await;
    assert_eq!(config["local_file"], local(&folder).display().to_string());
    running.stop().await;

    let (running, service, management) = start(&folder).await;
    assert_eq!(said(service).await, "kept 1");
    assert_eq!(origin(management, one).await, place);
    let persist = "/plugins/speaker/disable?persist=true";
    assert_eq!(send(management, "POST", persist, "").await.0, 200);
    running.stop().await;

    let (running, service, management) = start(&folder).await;
    assert_eq!(said(service).await, "404");
    let (_, plugin) = send(management, "GET", "/plugins/speaker", "").await;
    let reason = plugin["reason"].as_str().unwrap();
    assert!(reason.contains("config.local.yaml:8:14"), "{reason}");
    // Until the next restart something else may be so.
    let (_, body) = send(management, "POST", "/plugins/speaker/enable", "").await;
    assert_eq!(body["persisted"], false);
    assert_eq!(said(service).await, "kept 1");
    // What is persisted is in force, whatever was changed before until the next restart.
    assert_eq!(send(management, "POST", persist, "").await.0, 200);
    assert_eq!(said(service).await, "404");
    let path = "/plugins/speaker/config";
    let (_, body) = send(management, "DELETE", path, "").await;
    assert_eq!(body["persisted"], true, "{body}");
    assert_eq!(said(service).await, "file 1");
    running.stop().await;

    let (running, service, _) = start(&folder).await;
    assert_eq!(said(service).await, "file 1");
    running.stop().await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_reads_the_file_and_links_stay_links() {
    use std::os::unix::fs::{MetadataExt as _, symlink};
    let folder = with("plugins: {speaker: {config: {one: file}}}");
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("changes.yaml");
    fs::write(&target, "").unwrap();
    symlink(&target, local(&folder)).unwrap();
    let (running, _, management) = start(&folder).await;
    assert_eq!(
        send(management, "PATCH", PATCH, r#"{"one": "x"}"#).await.0,
        200
    );
    assert!(fs::symlink_metadata(local(&folder)).unwrap().is_symlink());
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o600);
    assert!(fs::read_to_string(&target).unwrap().contains("one: x"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_operators_write_there_counts_and_what_the_service_writes_is_no_news() {
    let folder = with("plugins: {speaker: {config: {one: file}}}");
    let (running, service, management) = start(&folder).await;
    let text = "# Mine.\nserver: {max_body: 3KiB}\nplugins: {speaker: {priority: 4, config: {one: \"${NONE:-edited}\"}}}\n";
    write(&local(&folder), text);
    until_said(service, "edited 0").await;
    let max_body = origin(management, "server.max_body").await;
    assert!(max_body.ends_with("config.local.yaml:2:20"), "{max_body}");

    // What the service writes keeps what they wrote.
    let body = in_turn(management, "PATCH", PATCH, r#"{"inner": {"two": 5}}"#).await;
    assert_eq!(
        (&body["generation"], &body["persisted"]),
        (&json!(3), &json!(true)),
        "{body}"
    );
    assert_eq!(said(service).await, "edited 5");
    let text = fs::read_to_string(local(&folder)).unwrap();
    for kept in ["max_body: 3KiB", "priority: 4", "${NONE:-edited}", "two: 5"] {
        assert!(text.contains(kept), "{text}");
    }
    assert!(!text.contains("Mine"), "{text}");

    // The file that the service wrote was not read anew: the next generation is that of the next edit.
    write(&local(&folder), &text.replace("two: 5", "two: 6"));
    until_said(service, "edited 6").await;
    let (_, info) = send(management, "GET", "/info", "").await;
    assert_eq!(info["generation"], 4);

    // A mistake has a place, and the old generation serves on.
    write(
        &local(&folder),
        "plugins:\n  speaker:\n    config: {tow: 1}\n",
    );
    let body = in_turn(management, "POST", "/reload", "").await;
    assert_eq!(body["code"], "config.unknown_key");
    let at = body["errors"][0]["at"].as_str().unwrap();
    assert!(at.ends_with("config.local.yaml:3:14"), "{at}");
    write(&local(&folder), "plugins: [");
    let body = in_turn(management, "PATCH", PATCH, r#"{"one": "x"}"#).await;
    assert_eq!(body["code"], "config.unreadable");
    assert_eq!(fs::read_to_string(local(&folder)).unwrap(), "plugins: [");
    assert_eq!(said(service).await, "edited 6");
    running.stop().await;
    let error = builder(&folder).start().await.unwrap_err();
    let place = error.origin().unwrap_or_default();
    assert!(place.contains("config.local.yaml:1:"), "{place}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_text_is_persisted_as_it_is() {
    let folder = with("plugins: {speaker: {config: {one: file}}}");
    for text in [
        "${HOME}",
        "$${HOME}",
        "$$$",
        "yes",
        "5",
        "",
        " a: b # c",
        "é\u{85}\u{2028}\u{7f}\"\\",
        "line\nline",
        "---",
    ] {
        let (running, service, management) = start(&folder).await;
        let patch = json!({"one": text}).to_string();
        let (status, body) = send(management, "PATCH", PATCH, &patch).await;
        assert_eq!(status, 200, "{text:?}: {body}");
        assert_eq!(said(service).await, format!("{text} 0"));
        running.stop().await;
        let (running, service, _) = start(&folder).await;
        assert_eq!(said(service).await, format!("{text} 0"), "after a restart");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_or_only_tried_is_not_written() {
    let folder = with("plugins: {speaker: {config: {one: file}}}");
    let (running, service, management) = start(&folder).await;
    let is_alone = || fs::read_dir(folder.path()).unwrap().count() == 1;
    let wrong = send(management, "PATCH", PATCH, r#"{"tow": 1}"#).await;
    assert_eq!(wrong.0, 422, "{}", wrong.1);
    let dry = format!("{PATCH}&dry_run=true");
    let (status, plan) = send(management, "PATCH", &dry, r#"{"one": "tried"}"#).await;
    assert_eq!(
        (status, &plan["rebuilt"]),
        (200, &json!(["speaker"])),
        "{plan}"
    );
    assert!(is_alone());
    // There is nothing to remember of a reload.
    let (status, body) = send(management, "POST", "/reload?persist=true", "").await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(said(service).await, "file 0");
    running.stop().await;

    // There is no file to stand beside.
    let (running, service, management) = super::start(super::CONFIG).await;
    for path in [PATCH.to_owned(), dry] {
        let (status, body) = send(management, "PATCH", &path, r#"{"one": "x"}"#).await;
        assert_eq!(
            (status, &body["code"]),
            (409, &json!("config.no_file")),
            "{body}"
        );
        assert!(
            body["help"].as_str().unwrap().contains("--config"),
            "{body}"
        );
    }
    assert_eq!(said(service).await, "file 1");
    // What was changed is taken back all the same.
    let (status, body) = send(management, "DELETE", PATCH, "").await;
    assert_eq!((status, &body["persisted"]), (200, &json!(true)), "{body}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_written_is_told_before_anything_changes() {
    let folder = with("plugins: {speaker: {config: {one: file}}}");
    let (running, service, management) = start(&folder).await;
    // Where the new file would be written there is a folder.
    let new = folder
        .path()
        .join(format!(".config.local.yaml.{}", std::process::id()));
    fs::create_dir(&new).unwrap();
    let (status, body) = send(management, "PATCH", PATCH, r#"{"one": "x"}"#).await;
    assert_eq!(
        (status, &body["code"]),
        (409, &json!("config.unwritable")),
        "{body}"
    );
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .ends_with("nothing was changed"),
        "{body}"
    );
    assert_eq!(said(service).await, "file 0");
    fs::remove_dir(&new).unwrap();
    assert_eq!(
        send(management, "PATCH", PATCH, r#"{"one": "x"}"#).await.0,
        200
    );
    running.stop().await;
}

/// Writes into a file while it is built.
#[plugin]
async fn meddler(config: MeddlerConfig, _: &mut PluginContext) -> Result<()> {
    if let Some(file) = &config.file {
        fs::write(file, "# Mine.\n")?;
    }
    Ok(())
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MeddlerConfig {
    file: Option<PathBuf>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_serves_and_is_not_written_in_the_end_is_no_success() {
    let folder = with("reload: {watch: false}\n");
    let builder = client::service([]).plugin::<meddler>();
    let file = folder.path().join("config.yaml");
    let (running, _, management) = up(builder.config_file(&file)).await;
    let patch = json!({"file": local(&folder)}).to_string();
    let path = "/plugins/meddler/config?persist=true";
    let (status, body) = send(management, "PATCH", path, &patch).await;
    assert_eq!(
        (status, &body["code"]),
        (500, &json!("config.not_persisted")),
        "{body}"
    );
    let detail = body["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("generation 2 serves with the change"),
        "{detail}"
    );
    assert_eq!(fs::read_to_string(local(&folder)).unwrap(), "# Mine.\n");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    let origin = origin(management, "plugins.meddler.config.file").await;
    assert!(origin.contains("config.local.yaml"), "it serves: {origin}");
    // It is in force until the next restart.
    let (status, body) = send(management, "POST", "/reload", "").await;
    assert_eq!((status, &body["generation"]), (200, &json!(3)));
    let (_, config) = send(management, "GET", "/config", "").await;
    let value = &config["values"]["plugins.meddler.config.file"];
    assert_eq!(value["origin"], "management");
    running.stop().await;
}

/// Has a secret.
#[plugin]
async fn keeper(config: KeeperConfig, cx: &mut PluginContext) -> Result<()> {
    let length = config.key.expose().len();
    cx.get("/key", async move || length.to_string());
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeeperConfig {
    key: Secret,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_in_the_file_and_nowhere_else() {
    let folder = with("plugins: {keeper: {config: {key: old}}}");
    let builder = client::service([]).plugin::<keeper>();
    let file = folder.path().join("config.yaml");
    let (running, _, management) = up(builder.config_file(&file)).await;
    let path = "/plugins/keeper/config?persist=true";
    let secret = "hunter2-hunter2";
    let patch = json!({"key": secret}).to_string();
    let (status, body) = send(management, "PATCH", path, &patch).await;
    assert_eq!(status, 200, "{body}");
    let (_, config) = send(management, "GET", "/config", "").await;
    assert_eq!(
        config["values"]["plugins.keeper.config.key"]["value"],
        "***"
    );
    for body in [&body, &config] {
        assert!(!body.to_string().contains(secret), "{body}");
    }
    assert!(fs::read_to_string(local(&folder)).unwrap().contains(secret));
    let patch = json!({"kye": secret}).to_string();
    let (status, body) = send(management, "PATCH", path, &patch).await;
    assert_eq!(status, 422);
    assert!(!body.to_string().contains(secret), "{body}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_persist_too() {
    let folder = with("plugins: {speaker: {config: {one: file}}}");
    let (running, service, _) = start(&folder).await;
    let handle = running.handle();
    let done = handle
        .persisting()
        .configure("speaker", json!({"one": "kept"}))
        .await;
    assert_eq!(done.unwrap().persisted, Some(true));
    assert_eq!(said(service).await, "kept 0");
    assert_eq!(
        handle.disable("speaker").await.unwrap().persisted,
        Some(false)
    );
    handle.persisting().disable("speaker").await.unwrap();
    running.stop().await;
    let (running, service, _) = start(&folder).await;
    let handle = running.handle();
    assert_eq!(said(service).await, "404");
    // `null` takes back what was persisted.
    handle
        .persisting()
        .configure("speaker", json!({"one": null}))
        .await
        .unwrap();
    handle.persisting().enable("speaker").await.unwrap();
    assert_eq!(said(service).await, "file 0");
    let error = handle.persisting().enable("spaeker").await.unwrap_err();
    assert_eq!(error.code(), code::UNKNOWN_PLUGIN);
    handle.reset("speaker").await.unwrap();
    let text = fs::read_to_string(local(&folder)).unwrap();
    assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
    running.stop().await;
}
