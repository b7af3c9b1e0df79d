//! Which lines there are, and what is told of those that were left out.

use super::{Logger, config, parse};
use serde_json::json;

/// The levels of the lines of one target.
async fn levels(logger: &mut Logger) -> String {
    logger.get("/levels").await;
    let lines = logger.logged("levels told").await;
    let told = lines
        .iter()
        .filter(|line| line.contains(r#""target":"talker::store""#));
    let told = told.map(|line| parse(line)["level"].as_str().unwrap().to_owned());
    told.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn levels_are_those_of_the_plugin_and_what_operators_set_lies_on_top() {
    let yaml =
        config("{format: json, level: info, levels: {talker: debug}}") + "log: {filter: error}\n";
    let mut logger = Logger::start(&yaml).await;
    assert_eq!(levels(&mut logger).await, "ERROR WARN INFO DEBUG");
    let told = logger.manage("GET", "/loggers", "").await;
    assert_eq!(
        told,
        json!({
            "filter": "info,talker=debug",
            "filter_of": "structured-logging",
            "written_by": "structured-logging",
            "changed": [],
        })
    );
    let set = r#"{"level": "warn", "for": "1h"}"#;
    logger.manage("PUT", "/loggers/talker::store", set).await;
    assert_eq!(levels(&mut logger).await, "ERROR WARN");

    // What an operator has set goes on over a reload, and ends by itself or by hand.
    let yaml = config("{format: json, level: trace}") + "log: {filter: error}\n";
    logger.reload(&yaml).await;
    assert_eq!(levels(&mut logger).await, "ERROR WARN");
    let told = logger.manage("DELETE", "/loggers/talker::store", "").await;
    assert_eq!(told["filter"], "trace");
    assert_eq!(levels(&mut logger).await, "ERROR WARN INFO DEBUG TRACE");
}

#[tokio::test]
async fn what_the_plugin_says_nothing_of_the_log_section_says() {
    let yaml = config("{levels: {talker: debug}}")
        + "log: {filter: 'info,talker::store=warn', format: json}\n";
    let mut logger = Logger::start(&yaml).await;
    // The longest target that fits says it.
    assert_eq!(levels(&mut logger).await, "ERROR WARN");
    let told = logger.manage("GET", "/loggers", "").await;
    assert_eq!(told["filter"], "info,talker::store=warn,talker=debug");
}

#[tokio::test]
async fn the_environment_goes_before_all_filters() {
    let yaml = config("{format: json, level: trace}");
    let mut logger = Logger::start_with(&yaml, &[("RUST_LOG", "info,talker=warn")]).await;
    assert_eq!(levels(&mut logger).await, "ERROR WARN");
    let told = logger.manage("GET", "/loggers", "").await;
    assert_eq!(told["filter"], "info,talker=warn");
    assert_eq!(
        (&told["filter_of"], &told["written_by"]),
        (&json!("RUST_LOG"), &json!("structured-logging"))
    );
}

#[tokio::test]
async fn what_is_left_out_is_told_and_counted() {
    let yaml = config("{format: json, repeat_limit: {lines: 3, every: 1s}}");
    let mut logger = Logger::start(&yaml).await;
    logger.get("/again/40").await;
    let lines = logger.logged("37 more of these").await;
    let written = lines
        .iter()
        .filter(|line| parse(line)["message"] == "again");
    assert_eq!(written.count(), 3, "{lines:#?}");
    let told = parse(lines.last().unwrap());
    assert_eq!(
        (&told["level"], &told["target"]),
        (&json!("WARN"), &json!("logger"))
    );
    assert_eq!(told["fields"], json!({"suppressed": 37}));
    assert!(
        told["message"].as_str().unwrap().ends_with("s: again"),
        "{told}"
    );
}

#[tokio::test]
async fn at_the_end_it_is_told_at_once() {
    let yaml = config("{format: json, repeat_limit: {lines: 3, every: 1h}}");
    let mut logger = Logger::start(&yaml).await;
    logger.get("/again/5").await;
    logger.logged("again told").await;
    let (lines, _folder) = logger.end().await;
    let told = lines
        .iter()
        .filter(|line| line.contains("2 more of these in"));
    assert_eq!(told.count(), 1, "{lines:#?}");
}
