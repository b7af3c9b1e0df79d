//! Events in a file of their own.

use super::{Logger, command, config, parse};
use crate::client::soon;
use serde_json::{Value, json};
use std::{fs, path::Path, time::Duration};

const TOPICS: &str = "topics: [talker.told, 'talker.*', plugin.started]";

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(parse).collect()
}

/// The numbers of the events in a file, in order.
fn numbers(path: &Path) -> Vec<u64> {
    let lines = lines(path).into_iter();
    lines
        .filter_map(|line| line["payload"]["number"].as_u64())
        .collect()
}

/// Waits until the health check says so.
async fn until_health(logger: &Logger, state: &str) -> Value {
    soon(state, async {
        loop {
            let health = logger.manage("GET", "/health", "").await;
            let check = health["checks"].as_array().and_then(|checks| {
                let mut checks = checks.iter();
                checks
                    .find(|check| check["plugin"] == "structured-logging")
                    .cloned()
            });
            if let Some(check) = check.filter(|check| check["state"] == state) {
                return check;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test]
async fn each_event_is_a_line_and_at_the_end_all_are_there() {
    let yaml = config(&format!("{{audit: {{{TOPICS}, file: log/audit.jsonl}}}}"));
    let logger = Logger::start(&yaml).await;
    logger.ask("/tell/200", &super::headers()).await;
    let (_, folder) = logger.end().await;
    let path = folder.path().join("log/audit.jsonl");
    assert_eq!(numbers(&path), (0..200).collect::<Vec<_>>());
    let lines = lines(&path);
    // Once, though two patterns fit.
    let told = lines
        .iter()
        .find(|line| line["topic"] == "talker.told")
        .unwrap();
    assert_eq!(
        told["payload"],
        json!({"number": 0, "user": {"password": "[redacted]", "name": "Ada"}})
    );
    assert_eq!(
        (&told["publisher"], &told["request_id"]),
        (&json!("talker"), &json!("mine"))
    );
    assert_eq!(told["trace_id"], super::TRACE);
    assert_eq!(told["id"].as_str().map(str::len), Some(16));
    assert_eq!(told["timestamp"].as_str().map(str::len), Some(27));
    // Events of the chassis itself can be chosen too.
    let started = lines
        .iter()
        .find(|line| line["topic"] == "plugin.started")
        .unwrap();
    assert_eq!(started["publisher"], "chassis");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_file_that_is_full_makes_room_for_the_next() {
    let rotate = |keep| {
        config(&format!(
            "{{audit: {{topics: [talker.told], rotate: {{size: 1KiB, keep: {keep}}}}}}}"
        ))
    };
    let logger = Logger::start(&rotate(3)).await;
    logger.get("/tell/40").await;
    // The file goes from one instance to the next.
    let done = logger.reload(&rotate(2)).await;
    assert!(done["code"].is_null(), "{done}");
    logger.get("/tell/40").await;
    let (_, folder) = logger.end().await;
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("audit"))
        .collect();
    names.sort();
    assert_eq!(names, ["audit.1.jsonl", "audit.2.jsonl", "audit.jsonl"]);
    let mut last = Vec::new();
    for name in ["audit.2.jsonl", "audit.1.jsonl", "audit.jsonl"] {
        let path = folder.path().join(name);
        assert!(fs::metadata(&path).unwrap().len() <= 1_024);
        last.extend(numbers(&path));
    }
    let first = *last.first().unwrap();
    assert!(last.len() >= 4);
    assert_eq!(last, (first..40).collect::<Vec<_>>());
}

#[tokio::test]
pub(super) async fn without_its_folder_requests_are_served_and_health_tells() {
    let yaml = config("{format: json, audit: {topics: [talker.told], file: log/audit.jsonl}}")
        + "health: {interval: 1s}\n";
    let mut logger = Logger::start(&yaml).await;
    logger.get("/tell/1").await;
    let folder = logger.folder.path().join("log");
    let path = folder.join("audit.jsonl");
    until_health(&logger, "up").await;
    soon("the first event", async {
        while numbers(&path).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let moved = logger.folder.path().join("moved");
    fs::rename(&folder, &moved).unwrap();
    logger.get("/tell/3").await;
    let line = parse(
        &logger
            .logged("can't be written to the audit file")
            .await
            .pop()
            .unwrap(),
    );
    assert_eq!(
        (&line["level"], &line["plugin"]),
        (&json!("ERROR"), &json!("structured-logging"))
    );
    let check = until_health(&logger, "degraded").await;
    assert!(
        check["message"].as_str().unwrap().contains("audit file"),
        "{check}"
    );
    // It is not told for each attempt.
    let lines = logger.logged("the event is a dead letter").await;
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("ERROR") && line.contains("events can't")),
        "{lines:#?}"
    );
    logger.get("/levels").await;

    fs::create_dir(&folder).unwrap();
    logger.get("/tell/1").await;
    logger.logged("written to the audit file again").await;
    until_health(&logger, "up").await;
    // What could not be written can be told again.
    let letters = logger.manage("GET", "/events/dead-letters", "").await;
    let id = letters[0]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{letters}"))
        .to_owned();
    logger
        .manage("POST", &format!("/events/dead-letters/{id}/retry"), "")
        .await;
    let (_, _folder) = logger.end().await;
    assert!(numbers(&path).contains(&0));
    assert_eq!(numbers(&moved.join("audit.jsonl")), [0]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_nothing_of_a_line_is_left() {
    let yaml = config("{format: json, audit: {topics: [talker.told], file: /dev/full}}")
        + "health: {interval: 1s}\n";
    let mut logger = Logger::start(&yaml).await;
    logger.get("/tell/1").await;
    logger.logged("can't be written to the audit file").await;
    until_health(&logger, "degraded").await;
    let text = logger
        .logged("the event is a dead letter")
        .await
        .pop()
        .unwrap();
    assert!(text.contains("/dev/full"), "{text}");
}

#[tokio::test]
async fn a_file_that_can_t_be_opened_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = config("{audit: {topics: [a], file: config.yaml/audit.jsonl}}") + "# \n";
    let yaml = yaml.replace(
        "structured-logging: {",
        "structured-logging: {required: true, ",
    );
    let output = command(folder.path(), &yaml).output().await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [
        "structured-logging",
        "the audit file `config.yaml/audit.jsonl` can't be opened",
        "audit.file",
    ] {
        assert!(said.contains(part), "no {part} in {said}");
    }
}
