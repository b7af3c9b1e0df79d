//! The plugin in a service whose log is somebody else's: what there is beside the log.

use super::*;
use chassis::{PluginState, testing::TestChassis};
use std::{fs, path};

/// Publishes what is asked for.
#[plugin]
async fn shop(cx: &mut PluginContext) -> Result<()> {
    cx.get(
        "/sell/{what}",
        async |Path(what): Path<String>, events: Events| -> Result<()> {
            let sold = serde_json::json!({ "what": what, "token": "abc" });
            events.publish_as("shop.sold", sold)?;
            Ok(())
        },
    );
    Ok(())
}

fn config(folder: &path::Path, topics: &str) -> String {
    let file = folder.join("audit.jsonl");
    let file = file.display();
    format!(
        "plugins: {{structured-logging: {{config: {{audit: {{topics: {topics}, file: '{file}'}}}}}}}}"
    )
}

fn written(folder: &path::Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(folder.join("audit.jsonl")).unwrap_or_default();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn by_default_it_does_no_harm() {
    let app = TestChassis::with::<StructuredLogging>()
        .start()
        .await
        .unwrap();
    assert_eq!(app.state("structured-logging"), PluginState::Running);
    assert_eq!(app.get("/nowhere").await.status(), 404);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!path::Path::new("audit.jsonl").exists());
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn events_are_in_the_file_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestChassis::with::<StructuredLogging>()
        .plugin::<shop>()
        .config(config(folder.path(), "['shop.**']"))
        .start()
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(app.get("/sell/tea").await.status(), 200);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let lines = written(folder.path());
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[0]["payload"],
        serde_json::json!({"what": "tea", "token": "[redacted]"})
    );
    let page = app.metrics();
    let is_counted = |line: &str| {
        line.starts_with("structured_logging_audit_events_total{")
            && line.contains("written")
            && line.ends_with(" 3")
    };
    assert!(page.lines().any(is_counted), "{page}");
    app.stop().await;
}
