//! Reloads under load: neither a line nor a request is lost.

use super::{Logger, config, parse};
use crate::client::Raw;
use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tokio::task::JoinSet;

/// Asks again and again until it is told to end; which orders it has asked for.
async fn load(address: SocketAddr, from: u64, ends: Arc<AtomicBool>) -> BTreeSet<u64> {
    let mut asked = BTreeSet::new();
    let mut raw = Raw::connect(address).await;
    for id in from.. {
        let answer = raw.get(&format!("/orders/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        asked.insert(id);
        if ends.load(Relaxed) {
            break;
        }
    }
    asked
}

/// The order that a line tells of, in whatever format.
fn order(line: &str) -> Option<u64> {
    if !line.contains("paid with") {
        return None;
    }
    match line.starts_with('{') {
        true => parse(line)["fields"]["id"].as_u64(),
        false => line.split_once(" id=")?.1.split(' ').next()?.parse().ok(),
    }
}

/// Reloads with one configuration after the other, while others ask; what they have asked for.
async fn reload_under_load(
    service: SocketAddr,
    management: SocketAddr,
    file: PathBuf,
) -> BTreeSet<u64> {
    let ends = Arc::<AtomicBool>::default();
    let mut loads = JoinSet::new();
    for task in 0..3 {
        loads.spawn(load(service, task * 1_000_000, Arc::clone(&ends)));
    }
    let ours = "structured-logging";
    for (yaml, written_by) in [
        (config("{format: pretty, level: debug}"), ours),
        (
            config("{format: json, repeat_limit: {lines: 1000000}}"),
            ours,
        ),
        (format!("plugins: {{{ours}: {{enabled: false}}}}"), ""),
        (config("{format: json, level: info}"), ours),
        (config("{format: pretty}"), ours),
    ] {
        fs::write(&file, yaml).unwrap();
        let mut raw = Raw::management(management).await;
        raw.send("POST /reload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
            .await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = raw.get("/loggers").await.json();
        assert_eq!(told["written_by"].as_str().unwrap_or_default(), written_by);
        // A few requests in that generation.
        let mut raw = Raw::connect(service).await;
        for _ in 0..20 {
            assert_eq!(raw.get("/levels").await.status, 200);
        }
    }
    // By operators.
    for (what, written_by) in [("disable", ""), ("enable", ours)] {
        let mut raw = Raw::management(management).await;
        raw.send(format!(
            "POST /plugins/{ours}/{what} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = raw.get("/loggers").await.json();
        assert_eq!(told["written_by"].as_str().unwrap_or_default(), written_by);
    }
    ends.store(true, Relaxed);
    let mut asked = BTreeSet::new();
    while let Some(ids) = loads.join_next().await {
        asked.extend(ids.unwrap());
    }
    // Ends what is read of the log.
    let mut raw = Raw::connect(service).await;
    assert_eq!(raw.get("/log").await.status, 200);
    asked
}

#[tokio::test]
pub(super) async fn a_reload_changes_how_lines_are_written_and_loses_none() {
    let mut logger = Logger::start(&config("{format: json}")).await;
    let (service, management) = (logger.victim.address, logger.victim.management);
    let file = logger.folder.path().join("config.yaml");
    let load = tokio::spawn(reload_under_load(service, management, file));
    let lines = logger.logged("old school").await;
    let asked = load.await.unwrap();
    let logged: BTreeSet<u64> = lines.iter().filter_map(|line| order(line)).collect();
    assert_eq!(logged, asked);
    let of_chassis = |line: &&String| line.contains("paid with") && line.contains("hunter2");
    assert!(lines.iter().any(|line| line.starts_with('{')));
    assert!(lines.iter().any(|line| line.contains("service=shop@3.2.1")));
    assert!(lines.iter().any(|line| of_chassis(&line)));
}

#[tokio::test]
pub(super) async fn disabled_by_a_reload_the_chassis_writes_again() {
    let mut logger = Logger::start(&config("{format: json, level: trace}")).await;
    let done = logger
        .reload("plugins: {structured-logging: {enabled: false}}")
        .await;
    assert_eq!(
        done["removed"],
        serde_json::json!(["structured-logging"]),
        "{done}"
    );
    logger.get("/levels").await;
    let lines = logger.logged("levels told").await;
    let line = lines
        .iter()
        .find(|line| line.contains("talker::store"))
        .unwrap();
    assert!(
        line.contains("ERROR talker::store: level plugin=\"talker\""),
        "{line}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("DEBUG talker")),
        "{lines:#?}"
    );
    let told = logger.manage("GET", "/loggers", "").await;
    assert_eq!(told["filter_of"], "log.filter");
    // And back.
    logger.reload(&config("{format: json}")).await;
    logger.get("/levels").await;
    let line = logger.logged("levels told").await.pop().unwrap();
    assert_eq!(parse(&line)["service"], "shop");
}

#[tokio::test]
pub(super) async fn a_reload_that_is_refused_changes_nothing() {
    let mut logger = Logger::start(&config("{format: json}")).await;
    for yaml in [
        config("{format: pretty, redact: ['/(/']}"),
        config("{format: pretty, audit: {topics: [a], file: config.yaml/audit.jsonl}}"),
    ] {
        let refused = logger.reload(&yaml).await;
        assert!(refused["code"].is_string(), "{refused}");
        logger.get("/levels").await;
        let line = logger.logged("levels told").await.pop().unwrap();
        assert_eq!(parse(&line)["level"], "INFO");
    }
}
