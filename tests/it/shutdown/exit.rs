//! Exit codes, and what is said with them.

use super::{Victim, command};
use crate::client::soon;

#[tokio::test]
async fn a_plugin_that_fails_to_stop_is_told_by_the_exit_code() {
    let victim = Victim::start(&[("CHASSIS__PLUGINS__BASE__CONFIG__FAILS", "stop")]).await;
    victim.terminate().await;
    let (status, printed) = victim.end().await;
    assert_eq!(status.code(), Some(1));
    assert_eq!(printed, ["front stopped", "base stopped"]);
}

/// Runs a victim that does not come up: its exit code, and what it said.
async fn failed(settings: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(settings).args(arguments).output();
    let output = soon("its end", output)
        .await
        .expect("the victim can be run");
    (
        output.status.code(),
        String::from_utf8(output.stderr).expect("it writes text"),
    )
}

#[tokio::test]
async fn a_required_plugin_that_fails_ends_the_start_with_its_reason() {
    let (code, said) = failed(&[("CHASSIS__PLUGINS__BASE__CONFIG__FAILS", "init")], &[]).await;
    assert_eq!(code, Some(1), "{said}");
    for told in ["`base` is required", "init was told to fail"] {
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_ends_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = failed(&[("CHASSIS__SERVER__LISTEN", &address)], &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&address) && said.contains("server.listen"),
        "{said}"
    );
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_refused_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.yaml");
    let file = file.to_str().unwrap();
    for (yaml, told) in [
        ("server:\n  max_body: 2\n", "shop.yaml:2:13"),
        ("server:\n  max_boddy: 2MiB\n", "shop.yaml:2:3"),
        ("plugins:\n  bas: {enabled: true}\n", "shop.yaml:2:"),
        (
            "plugins:\n  base:\n    config: {fails: always}\n",
            "shop.yaml:3:",
        ),
        ("server: [\n", "shop.yaml:"),
    ] {
        std::fs::write(file, yaml).unwrap();
        let (code, said) = failed(&[], &["--config", file]).await;
        assert!(said.contains(told), "no {told} in {said}");
        assert_eq!(code, Some(64), "{said}");
    }
    let (code, said) = failed(&[], &["--config", "/nowhere/shop.yaml"]).await;
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("/nowhere/shop.yaml"), "{said}");
    let (code, said) = failed(&[], &["--verbose"]).await;
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains("'--verbose'") && said.contains("Usage"),
        "{said}"
    );
    let (code, said) = failed(&[("CHASSIS__SERVER__MAX_BODDY", "1MiB")], &[]).await;
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("CHASSIS__SERVER__MAX_BODDY"), "{said}");
}
