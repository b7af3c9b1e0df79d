//! Settings of a plugin that is disabled: what would be wrong once it is enabled is refused at once.

use super::{said, send, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_a_disabled_plugin_are_checked_when_they_are_patched() {
    let yaml = "plugins: {speaker: {enabled: false}}";
    let (running, service, management) = start(yaml).await;
    let path = "/plugins/speaker/config";
    for (patch, told) in [
        (r#"{"tow": 1}"#, "`tow` is not a known key"),
        (r#"{"one": 1}"#, "expected a string"),
        (r#"{"inner": {"two": 10}}"#, "a whole number from 0 to 9"),
    ] {
        for path in [path.to_owned(), format!("{path}?dry_run=true")] {
            let (status, body) = send(management, "PATCH", &path, patch).await;
            assert_eq!(status, 422, "{path} {patch}: {body}");
            assert!(body.to_string().contains(told), "{body}");
        }
    }
    // What is missing may come: step by step.
    for patch in [r#"{"inner": {"two": 3}}"#, r#"{"one": "patched"}"#] {
        let (status, body) = send(management, "PATCH", path, patch).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(said(service).await, "404");
    let (status, body) = send(management, "POST", "/plugins/speaker/enable", "").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(said(service).await, "patched 3");
    running.stop().await;
}
