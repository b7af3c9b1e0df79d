//! What the log says, and how often: read from the standard error of `src/bin/victim.rs`.

use crate::{client::Raw, shutdown::Victim};
use std::fs;

/// The lines of the log that tell of trouble.
fn trouble(lines: &[String]) -> Vec<&String> {
    let is_trouble = |line: &&String| line.contains("ERROR") || line.contains("WARN");
    lines.iter().filter(is_trouble).collect()
}

/// Asks for something; the lines that are logged for it.
async fn told(victim: &mut Victim, path: &str) -> Vec<String> {
    let mut raw = Raw::connect(victim.address).await;
    assert_eq!(raw.get(path).await.status, 500);
    drop(raw);
    // The line of a request that has nothing to do with it ends what was asked for.
    let mut raw = Raw::management(victim.management).await;
    raw.send("POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert_eq!(raw.answer().await.status, 404);
    victim.logged("/nothing").await
}

/// Exactly one line of trouble, with all of this.
fn one(lines: &[String], texts: &[&str]) {
    let trouble = trouble(lines);
    let [line] = trouble[..] else {
        panic!("not one line: {lines:#?}")
    };
    for text in texts {
        assert!(line.contains(text), "no {text:?} in {line}");
    }
}

#[tokio::test]
async fn every_failure_is_told_once_with_its_plugin_and_route() {
    let mut victim = Victim::start(&[]).await;
    for (path, texts) in [
        (
            "/fail",
            &[
                "request failed",
                "status=500",
                "plugin `trouble` (GET /fail): the disk is gone",
            ][..],
        ),
        (
            "/down",
            &[
                "request failed",
                "status=500",
                "plugin=\"trouble\"",
                "route=\"GET /down\"",
            ],
        ),
        (
            "/absent/1",
            &[
                "request failed",
                "plugin=\"trouble\"",
                "route=\"GET /absent/{id}\"",
            ],
        ),
        (
            "/panic",
            &[
                "plugin panicked",
                "trouble",
                "GET /panic",
                "src/bin/victim.rs:",
                "was told to panic",
            ],
        ),
    ] {
        let lines = told(&mut victim, path).await;
        one(&lines, texts);
    }
    let lines = told(&mut victim, "/fail").await;
    let audit = lines.last().expect("there is one");
    assert_eq!(audit.matches("/nothing").count(), 1, "{audit}");
    assert_eq!(audit.matches("POST").count(), 1, "{audit}");
}

#[tokio::test]
async fn plugins_that_do_not_run_are_told_at_start() {
    for (fails, texts) in [
        (
            "init",
            &[
                "init failed",
                "plugin=\"vault\"",
                "error=init was told to fail",
            ][..],
        ),
        (
            "panic",
            &[
                "plugin panicked",
                "vault",
                "init",
                "src/bin/victim.rs:",
                "init was told to panic",
            ],
        ),
    ] {
        let mut victim = Victim::start(&[("CHASSIS__PLUGINS__VAULT__CONFIG__FAILS", fails)]).await;
        let start = victim.start.clone();
        let table = start
            .iter()
            .position(|line| line.contains("base 0.") && line.contains(" running"))
            .unwrap_or_else(|| panic!("no table in {start:#?}"));
        one(&start[..table.min(first(&start, "vault 0."))], texts);
        for (told, level) in [
            ("vault 0.", "WARN"),
            ("accounts 0.", "WARN"),
            ("front 0.", "INFO"),
        ] {
            let line = &start[first(&start, told)];
            assert!(line.contains(level), "{line}");
        }
        let last = victim.logged("not run").await.pop().expect("there is one");
        let told = "2 of 6 plugins do not run: vault (failed), accounts (blocked)";
        assert!(last.contains("WARN") && last.contains(told), "{last}");
        // And after each reload.
        victim.signal("HUP", 1).await;
        let lines = victim.logged("not run").await;
        assert!(
            lines.last().is_some_and(|line| line.contains(told)),
            "{lines:#?}"
        );
        victim.terminate().await;
        assert_eq!(victim.end().await.0.code(), Some(0));
    }
}

fn first(lines: &[String], text: &str) -> usize {
    lines
        .iter()
        .position(|line| line.contains(text))
        .unwrap_or_else(|| panic!("no {text:?} in {lines:#?}"))
}

#[tokio::test]
async fn sighup_reloads_and_a_refused_reload_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.yaml");
    fs::write(&file, "plugins:\n  vault: {enabled: true}\n").unwrap();
    let mut command = crate::shutdown::command(&[]);
    command.arg("--config").arg(&file);
    let mut victim = Victim::run(command).await;
    victim.signal("HUP", 1).await;
    let lines = victim.logged("reloaded").await;
    assert!(lines.iter().any(|line| line.contains("SIGHUP: reloading")));
    assert!(trouble(&lines).is_empty(), "{lines:#?}");

    for (yaml, texts) in [
        (
            "plugins: [\n",
            &["code=\"config.unreadable\"", "shop.yaml:"][..],
        ),
        (
            "plugins:\n  base:\n    config: {fials: stop}\n",
            &["code=\"config.", "fials", "at: ", "shop.yaml:3:"],
        ),
        (
            "log: {filter: trace}\n",
            &["code=\"reload.needs_restart\"", "`log`", "shop.yaml:1:"],
        ),
    ] {
        fs::write(&file, yaml).unwrap();
        victim.signal("HUP", 1).await;
        let mut lines = victim.logged("reload failed").await;
        // By HTTP it is the same line.
        one(&lines, texts);
        let mut raw = Raw::management(victim.management).await;
        raw.send("POST /reload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
            .await;
        assert_ne!(raw.answer().await.status, 200);
        lines = victim.logged("management request").await;
        one(&lines, texts);
    }

    // The request keeps the old generation, and so the reload, until it ends.
    fs::write(
        &file,
        "reload: {drain: 60s}\nplugins:\n  vault: {enabled: false}\n",
    )
    .unwrap();
    let mut raw = Raw::connect(victim.address).await;
    raw.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nfirst")
        .await;
    let mut other = Raw::connect(victim.address).await;
    assert_eq!(other.get("/short").await.text(), "short");
    let mut asked = Raw::management(victim.management).await;
    let before = asked.get("/info").await.json()["generation"].clone();
    victim.signal("HUP", 1).await;
    victim.logged("SIGHUP: reloading").await;
    // The line comes before the reload has its turn.
    while asked.get("/info").await.json()["generation"] == before {}
    asked
        .send("POST /reload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert_eq!(asked.answer().await.status, 409);
    let lines = victim.logged("reload refused").await;
    one(
        &lines,
        &[
            "WARN",
            "code=\"reload.busy\"",
            "a reload is running already",
        ],
    );
    // A signal can't be told to come again: it waits for its turn.
    victim.signal("HUP", 1).await;
    victim.logged("SIGHUP: reloading").await;
    raw.send("-half").await;
    assert_eq!(raw.answer().await.text(), "first-half");
    victim.logged("reloaded").await;
    victim.logged("reloaded").await;
    drop((raw, other, asked));
    victim.terminate().await;
    assert_eq!(victim.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn lines_of_a_request_name_it_for_machines_too() {
    let mut victim = Victim::start(&[("CHASSIS__LOG__FORMAT", "json")]).await;
    let mut raw = Raw::connect(victim.address).await;
    let trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    for trace in ["", trace] {
        let head = "GET /fail HTTP/1.1\r\nhost: test\r\nx-request-id: mine\r\n";
        raw.send(format!("{head}{trace}\r\n")).await;
        assert_eq!(raw.answer().await.status, 500);
        let lines = victim.logged("request failed").await;
        let line: serde_json::Value = serde_json::from_str(lines.last().unwrap()).unwrap();
        let mut request =
            serde_json::json!({"method": "GET", "route": "/fail", "request_id": "mine"});
        if !trace.is_empty() {
            request["trace_id"] = "0af7651916cd43dd8448eb211c80319c".into();
        }
        assert_eq!(line["request"], request, "{line}");
    }
}

#[tokio::test]
async fn lines_of_an_event_name_it_and_its_trace() {
    let trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let head = "GET /tell HTTP/1.1\r\nhost: test\r\nx-request-id: mine\r\n";
    for format in ["json", "pretty"] {
        let mut victim = Victim::start(&[("CHASSIS__LOG__FORMAT", format)]).await;
        let mut raw = Raw::connect(victim.address).await;
        raw.send(format!("{head}{trace}\r\n")).await;
        assert_eq!(raw.answer().await.status, 200);
        let line = victim.logged("the event is a dead letter").await.pop();
        let line = line.expect("there is one");
        if format == "pretty" {
            for part in [
                "topic=\"trouble.told\"",
                "event_id=\"",
                "request_id=\"mine\"",
                "trace_id=0af7651916cd43dd8448eb211c80319c",
            ] {
                assert!(line.contains(part), "no {part} in {line}");
            }
            continue;
        }
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let event = &line["event"];
        assert_eq!(event["topic"], "trouble.told", "{line}");
        assert_eq!(event["request_id"], "mine");
        assert_eq!(event["trace_id"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(event["id"].as_str().map(str::len), Some(16));
    }
}
