//! Secrets that were planted wherever a configuration can hold one, and every way out that they might take.

use crate::{client::Raw, shutdown::Victim};
use std::{fs, path::Path, process::Stdio};
use tempfile::TempDir;
use tokio::process::Command;

const KEEPER: &str = env!("CARGO_BIN_EXE_keeper");

/// Each is somewhere else. None may be part of another, or of anything that is not secret.
const PLANTED: &[&str] = &[
    "planted-file",
    "planted-variable",
    "planted-mounted",
    "planted-environment",
    "planted-argument",
    "planted-directory",
    "planted-listed",
    "planted-named",
    "planted-url",
    "planted-persisted",
    "907341",
];

/// A directory with a configuration that has them all.
fn planted() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("mounted", "planted-mounted\n");
    fs::create_dir(directory.path().join("secrets")).unwrap();
    write(
        "secrets/plugins.keeper.config.tokens.directory",
        "planted-directory",
    );
    write(
        "config.yaml",
        "\
plugins:
  keeper:
    config:
      password: planted-file
      pin: 907341
      keys: [planted-listed, '${PLANTED}']
      tokens: {named: planted-named}
      database:
        url: postgres://app:planted-url@db.internal/orders
      note: ${file:mounted}
  broken:
    use: keeper
    config:
      password: planted-file
      keys: [planted-listed]
  config-directory:
    config: {directory: secrets, secret: true}
",
    );
    directory
}

const ARGUMENT: &[&str] = &[
    "--set",
    "plugins.keeper.config.tokens.argument=planted-argument",
];

fn keeper(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(KEEPER);
    command
        .args(arguments)
        .current_dir(directory)
        .env("PLANTED", "planted-variable")
        .env(
            "CHASSIS__PLUGINS__KEEPER__CONFIG__DATABASE__PASSWORD",
            "planted-environment",
        )
        .env("CHASSIS__SERVER__LISTEN", "127.0.0.1:0")
        .env("CHASSIS__MANAGEMENT__LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Fails if one of them is to be read.
fn search(place: &str, text: &str) {
    for secret in PLANTED {
        assert!(!text.contains(secret), "`{secret}` in {place}:\n{text}");
    }
}

#[tokio::test]
async fn no_output_of_a_running_service_tells_one() {
    let directory = planted();
    let mut service = Victim::run(keeper(directory.path(), ARGUMENT)).await;
    for path in ["/panic", "/length", "/nothing"] {
        let answer = Raw::connect(service.address).await.get(path).await;
        search(path, &format!("{:?} {}", answer.headers, answer.text()));
        if path == "/length" {
            // It has them all: 12 + 14 + 16 + 13 + 16 + 17 + 19 + 15 characters.
            assert_eq!(answer.text(), "122");
        }
    }
    let index = Raw::management(service.management).await.get("/").await;
    let mut shown = 0;
    for endpoint in index.json().as_array().unwrap() {
        // The stream ends when the client wants; what it shows are events, not settings.
        if endpoint["method"] != "GET" || endpoint["path"] == "/events/stream" {
            continue;
        }
        for name in ["keeper", "broken"] {
            let path = endpoint["path"].as_str().unwrap().replace("{name}", name);
            let answer = Raw::management(service.management).await.get(&path).await;
            search(&path, answer.text());
            shown += answer.text().matches("***").count();
        }
    }
    assert!(
        shown >= 20,
        "`GET /config` shows that they are there: {shown}"
    );

    // One that an operator persists is in the file, and nowhere else.
    let patch = r#"{"tokens": {"persisted": "planted-persisted"}}"#;
    let mut raw = Raw::management(service.management).await;
    raw.send(format!(
        "PATCH /plugins/keeper/config?persist=true HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{patch}",
        patch.len()
    ))
    .await;
    let persisted = raw.answer().await;
    assert_eq!(persisted.status, 200, "{}", persisted.text());
    search("PATCH", persisted.text());
    let local = fs::read_to_string(directory.path().join("config.local.yaml")).unwrap();
    assert!(local.contains("planted-persisted"), "{local}");
    let config = raw.get("/config").await;
    assert!(config.text().contains("tokens.persisted"));
    search("/config", config.text());

    // A reload that is refused tells why, and not what.
    let text = fs::read_to_string(directory.path().join("config.yaml")).unwrap();
    let broken = text.replace("pin: 907341", "pin: 907341x");
    fs::write(directory.path().join("config.yaml"), broken).unwrap();
    let mut raw = Raw::management(service.management).await;
    raw.send("POST /reload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        .await;
    let refused = raw.answer().await;
    assert!(
        [422, 409].contains(&refused.status.as_u16()),
        "{}",
        refused.text()
    );
    search("POST /reload", refused.text());

    service.terminate().await;
    let mut log = service.start.join("\n");
    while let Some(line) = service.log.next_line().await.unwrap() {
        log = log + "\n" + &line;
    }
    assert!(log.contains("can't use *** and [***]"), "{log}");
    search("the log", &log);
}

#[tokio::test]
async fn no_subcommand_tells_one() {
    let directory = planted();
    for arguments in [
        &["check"][..],
        &["plugins", "--json"],
        &["config"],
        &["config", "--diff"],
        &["config", "--schema"],
        &["config", "--defaults"],
        &["config", "--markdown"],
        &["commands"],
    ] {
        let mut keeper = keeper(directory.path(), arguments);
        let output = keeper.args(ARGUMENT).output().await.unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (said(&output.stdout), said(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {err}");
        search(&format!("{arguments:?}"), &(out + &err));
    }
}

/// Mistakes whose place, line or message might tell what stands there.
const MISTAKES: &[(&str, &str)] = &[
    (
        "keeper:\n    password: planted-file\n",
        "go under `config:`",
    ),
    (
        "keeper:\n    config:\n      pasword: planted-file\n",
        "did you mean `password`?",
    ),
    (
        "keeper:\n    config:\n      password: {a: planted-file}\n",
        "password",
    ),
    (
        "keeper:\n    config:\n      password: [planted-file]\n",
        "password",
    ),
    (
        "keeper:\n    config:\n      pin: planted-file\n",
        "expected a whole number, found a string",
    ),
    (
        "keeper:\n    config:\n      pin: -907341\n",
        "`plugins.keeper.config.pin`: ",
    ),
    (
        "keeper:\n    config:\n      keys: planted-listed\n",
        "expected a list",
    ),
    (
        "keeper:\n    config:\n      keys:\n        - [planted-listed]\n",
        "keys[0]",
    ),
    (
        "keeper:\n    config:\n      tokens: [planted-named]\n",
        "expected a map",
    ),
    (
        "keeper:\n    config:\n      kind: ${PLANTED}\n",
        "it is not one of `one`, `two`",
    ),
    (
        "keeper:\n    config:\n      kind: ${file:mounted}\n",
        "it is not one of `one`, `two`",
    ),
    (
        "keeper:\n    config:\n      database:\n        password: \"planted-url",
        "not valid YAML",
    ),
    (
        "keeper:\n    config:\n      password: planted-file: x\n",
        "not valid YAML",
    ),
    ("keeper:\n    priority: ${PLANTED}\n", "expected an integer"),
    (
        "keeper:\n    config:\n      database:\n        password: planted-file-planted-file-planted-file-planted-file-planted-file-planted-file\n",
        "longer than 64",
    ),
];

#[tokio::test]
async fn no_mistake_tells_one() {
    for (mistake, told) in MISTAKES {
        let directory = planted();
        let file = directory.path().join("config.yaml");
        fs::write(&file, format!("plugins:\n  {mistake}")).unwrap();
        for arguments in [&["check"][..], &["run"]] {
            let mut keeper = keeper(directory.path(), arguments);
            keeper.env_remove("CHASSIS__PLUGINS__KEEPER__CONFIG__DATABASE__PASSWORD");
            let output = keeper.output().await.unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success(), "{mistake}");
            assert!(said.contains(told), "{mistake}\n{said}");
            search(mistake.split(':').next().unwrap(), &said);
        }
    }
}
