//! The log as `structured-logging` writes it: read from the standard error of `src/bin/logger.rs`.

use crate::{client::Raw, shutdown::Victim};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Stdio};
use tempfile::TempDir;
use tokio::process::Command;

// Another plugin that writes lines, in a way of its own: what the chassis makes of it.
mod lines;
// Which lines there are, and what is told of those that were left out.
mod levels;
// Reloads under load.
mod reloads;
// Events in a file of their own.
mod audit;

/// What every shipped plugin goes through (`shipped.rs`). A log is that of a process, so this one does it here: on, with other settings and
/// off while clients ask, off and on, with settings that are wrong, and without what it writes to.
pub(crate) const STORY: &[fn()] = &[
    a_line_for_machines_is_flat_and_says_whose_it_is,
    reloads::a_reload_changes_how_lines_are_written_and_loses_none,
    reloads::disabled_by_a_reload_the_chassis_writes_again,
    reloads::a_reload_that_is_refused_changes_nothing,
    audit::without_its_folder_requests_are_served_and_health_tells,
];

/// A service in a folder of its own.
pub(crate) struct Logger {
    pub(crate) victim: Victim,
    pub(crate) folder: TempDir,
}

impl Logger {
    pub(crate) async fn start(yaml: &str) -> Self {
        Self::start_with(yaml, &[]).await
    }

    pub(crate) async fn start_with(yaml: &str, env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(folder.path(), yaml);
        command.envs(env.iter().copied());
        let victim = Victim::run(command).await;
        Self { victim, folder }
    }

    /// Asks for something.
    pub(crate) async fn get(&self, path: &str) {
        self.ask(path, "").await;
    }

    /// The same with further headers.
    pub(crate) async fn ask(&self, path: &str, headers: &str) {
        let mut raw = Raw::connect(self.victim.address).await;
        raw.send(format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n"
        ))
        .await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    /// Reloads with another configuration; the answer.
    pub(crate) async fn reload(&self, yaml: &str) -> Value {
        fs::write(self.folder.path().join("config.yaml"), yaml).unwrap();
        self.manage("POST", "/reload", "").await
    }

    pub(crate) async fn manage(&self, method: &str, path: &str, body: &str) -> Value {
        let mut raw = Raw::management(self.victim.management).await;
        let length = body.len();
        let about = format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        raw.send(head + &about + body).await;
        raw.answer().await.json()
    }

    /// The lines up to the first with this text.
    pub(crate) async fn logged(&mut self, text: &str) -> Vec<String> {
        self.victim.logged(text).await
    }

    /// Asks it to stop; what it logged until its end, which is in peace.
    pub(crate) async fn end(mut self) -> (Vec<String>, TempDir) {
        self.victim.terminate().await;
        let mut lines = Vec::new();
        while let Ok(Some(line)) = self.victim.log.next_line().await {
            lines.push(line);
        }
        assert_eq!(self.victim.end().await.0.code(), Some(0), "{lines:#?}");
        (lines, self.folder)
    }
}

pub(crate) fn command(folder: &Path, yaml: &str) -> Command {
    fs::write(folder.join("config.yaml"), yaml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_logger"));
    command
        .current_dir(folder)
        .env("CHASSIS__SERVER__LISTEN", "127.0.0.1:0")
        .env("CHASSIS__MANAGEMENT__LISTEN", "127.0.0.1:0")
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A configuration of the plugin.
pub(crate) fn config(config: &str) -> String {
    format!(
        "service: {{name: shop, version: 3.2.1}}\nreload: {{watch: false}}\nplugins: {{structured-logging: {{config: {config}}}}}\n"
    )
}

pub(crate) fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
}

/// What is in a line, by the names of its parts: without the time.
fn without_time(line: &str) -> Value {
    let mut line = parse(line);
    let time = line["timestamp"].take();
    let time = time.as_str().unwrap();
    assert_eq!((time.len(), &time[10..11], &time[26..]), (27, "T", "Z"));
    line.as_object_mut().unwrap().remove("timestamp");
    line
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn headers() -> String {
    format!("x-request-id: mine\r\ntraceparent: 00-{TRACE}-b7ad6b7169203331-01\r\n")
}

#[tokio::test]
async fn a_line_for_machines_is_flat_and_says_whose_it_is() {
    let mut logger = Logger::start(&config("{format: json}")).await;
    // Everything since the plugin is there, also what others did in their `init`.
    let start = logger.victim.start.clone();
    let first = start.iter().position(|line| line.starts_with('{')).unwrap();
    assert!(first <= 2, "{start:#?}");
    for line in &start[first..] {
        let line = parse(line);
        assert_eq!(
            (&line["service"], &line["version"]),
            (&json!("shop"), &json!("3.2.1"))
        );
    }
    let is_awake = |line: &&String| line.contains("awake in a task");
    let awake = match start.iter().find(is_awake) {
        Some(awake) => awake.clone(),
        None => logger.logged("awake in a task").await.pop().unwrap(),
    };
    assert_eq!(parse(&awake)["plugin"], "talker");

    logger.ask("/orders/7", &headers()).await;
    let line = logger.logged("paid with").await.pop().unwrap();
    assert_eq!(
        without_time(&line),
        json!({
            "level": "INFO",
            "target": "logger",
            "message": "paid with 4111111111111111",
            "service": "shop",
            "version": "3.2.1",
            "plugin": "talker",
            "method": "GET",
            "route": "/orders/{id}",
            "request_id": "mine",
            "trace_id": TRACE,
            "fields": {
                "id": 7, "password": "[redacted]", "card": "4111111111111111", "ratio": 0.5, "done": true,
                "debug": "Some(\"x y\")",
            },
            "spans": [{"name": "paying", "fields": {"token": "[redacted]", "attempt": 1}}],
        })
    );

    logger.get("/log").await;
    let line = without_time(&logger.logged("old school").await.pop().unwrap());
    assert_eq!(
        (&line["target"], &line["level"]),
        (&json!("library::inner"), &json!("WARN"))
    );
    assert_eq!(line["fields"], json!({}));
    let (lines, _folder) = logger.end().await;
    assert!(lines.iter().all(|line| parse(line).is_object()));
}

#[tokio::test]
async fn a_line_for_people_says_the_same() {
    let mut logger = Logger::start(&config("{}")).await;
    logger.ask("/orders/7", &headers()).await;
    let line = logger.logged("paid with").await.pop().unwrap();
    let (_, line) = line.split_once("Z ").unwrap();
    assert_eq!(
        line,
        " INFO paying{token=\"[redacted]\" attempt=1}: logger: paid with 4111111111111111 id=7 password=\"[redacted]\" \
        card=\"4111111111111111\" ratio=0.5 done=true debug=Some(\"x y\") service=shop@3.2.1 plugin=\"talker\" method=GET \
        route=\"/orders/{id}\" request_id=\"mine\" trace_id=0af7651916cd43dd8448eb211c80319c"
            .replace("        ", "")
    );
}

#[tokio::test]
async fn what_is_logged_can_t_write_a_line_of_its_own() {
    for format in ["pretty", "json"] {
        let mut logger = Logger::start(&config(&format!("{{format: {format}}}"))).await;
        logger.get("/harm").await;
        let lines = logger.logged("harm told").await;
        let forged: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("forged"))
            .collect();
        let [line] = forged[..] else {
            panic!("{lines:#?}")
        };
        assert!(!line.contains('\x1b') && !line.contains('\r'), "{line:?}");
        if format == "json" {
            let text = parse(line)["fields"]["text"].clone();
            assert!(text.as_str().unwrap().contains("one\n2026"), "{text}");
        } else {
            assert!(!line.contains(['\u{9b}', '\u{202e}']), "{line:?}");
            assert!(line.contains("logger: one\\n2026"), "{line:?}");
        }
    }
}

#[tokio::test]
async fn what_is_kept_out_is_kept_out_of_texts_too() {
    let yaml = config(r"{format: json, redact: [ID, 'pass*', '/\b\d{16}\b/']}");
    let mut logger = Logger::start(&yaml).await;
    logger.get("/orders/7").await;
    let line = parse(&logger.logged("paid with").await.pop().unwrap());
    assert_eq!(line["message"], "paid with [redacted]");
    let fields = &line["fields"];
    for (name, value) in [
        ("id", "[redacted]"),
        ("password", "[redacted]"),
        ("card", "[redacted]"),
    ] {
        assert_eq!(fields[name], value, "{line}");
    }
    // The list takes the place of the one that there is by default.
    assert_eq!(line["spans"][0]["fields"]["token"], "abc");
}

#[tokio::test]
async fn a_mistake_is_told_with_its_place() {
    for (config, place) in [
        ("{redact: [ok, '/(/']}", "redact[1]"),
        ("{redact: ['']}", "redact[0]"),
        ("{levels: {'a=b': info}}", "levels.a=b"),
        ("{levels: {a: loud}}", "levels.a"),
        ("{repeat_limit: {every: 1ms}}", "repeat_limit.every"),
        ("{audit: {topics: ['a..b']}}", "audit.topics[0]"),
        ("{audit: {topics: [a, a]}}", "audit.topics[1]"),
        ("{audit: {rotate: {keep: 0}}}", "audit.rotate.keep"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = command(folder.path(), &self::config(config))
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{config}: {said}");
        let place = format!("plugins.structured-logging.config.{place}");
        assert!(said.contains(&place), "no {place} in {said}");
    }
}
