//! `reload`, `enable`, `disable`: what is said of it, and what becomes of it.

use super::{EVERYTHING, ask, run, with};
use crate::process::Process;
use std::fs;

#[test]
fn what_a_reload_would_change_is_told_line_by_line() {
    let directory = with("reload: {watch: false}\n");
    let service = Process::start(EVERYTHING, directory.path());
    let ask = |arguments: &[&str]| ask(&service, directory.path(), arguments);
    let greeting = "plugins: {greeter: {config: {greeting: Ahoy}}, request-tracing: {tags: [x]}}\n";
    let config = format!("reload: {{watch: false}}\nserver: {{max_body: 1MiB}}\n{greeting}");
    fs::write(directory.path().join("config.yaml"), config).unwrap();
    let plan = ask(&["reload", "--dry-run"]);
    assert_eq!(
        (plan.code, &*plan.out),
        (
            Some(0),
            "\
plugin              what     why
compression         carried
config-directory    carried
cors                carried
custom-metrics      carried
greeter             rebuilt  its settings have changed
rate-limit          carried
request-tracing     carried  other settings of its section: tags
security-headers    carried
structured-logging  carried
timeout             carried
settings of the service that are others: server.max_body
nothing was touched\n"
        ),
        "{}",
        plan.err
    );
    let plan = ask(&["reload", "--all", "--dry-run", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.out).expect("it is JSON");
    assert_eq!(plan["rebuilt"][1], "config-directory", "{plan}");
    // What is done is told without what is as before.
    let done = ask(&["reload"]);
    assert_eq!(
        (done.code, &*done.out),
        (
            Some(0),
            "\
plugin           what     why
greeter          rebuilt  its settings have changed
request-tracing  carried  other settings of its section: tags
settings of the service that are others: server.max_body
generation 2 serves\n"
        ),
        "{}",
        done.err
    );
    let one = ask(&["reload", "greeter"]);
    assert_eq!(
        one.out,
        "\
plugin   what     why
greeter  rebuilt  it is to be built anew
generation 3 serves\n"
    );
    assert!(
        ask(&["reload", "--all"])
            .out
            .ends_with("generation 4 serves\n")
    );

    let none = ask(&["reload", "greter", "--json"]);
    assert_eq!(none.code, Some(1));
    assert!(none.err.contains("did you mean `greeter`?"), "{}", none.err);
    let body: serde_json::Value = serde_json::from_str(&none.out).expect("it is JSON");
    assert_eq!(body["code"], "plugin.unknown");
    fs::write(
        directory.path().join("config.yaml"),
        "servr: {}\nplugins: {greeter: {config: {greeting: 5}}}\n",
    )
    .unwrap();
    let listen = ["--config", "/dev/null"];
    let wrong = ask(&["reload", "--dry-run", listen[0], listen[1]]);
    assert_eq!(wrong.code, Some(1));
    for told in [
        "error: `servr` is not a known section\n  at: config.yaml:1:1",
        "error: plugin `greeter`: `plugins.greeter.config.greeting`: expected",
        "  at: config.yaml:2:40",
    ] {
        assert!(wrong.err.contains(told), "{told} in {}", wrong.err);
    }
    for arguments in [
        &["reload", "x", "--all"][..],
        &["reload", "a/b"],
        &["enable"],
    ] {
        assert_eq!(ask(arguments).code, Some(64), "{arguments:?}");
    }
}

#[test]
fn plugins_are_kept_out_for_good_and_let_in_again() {
    let directory = with("");
    let service = Process::start(EVERYTHING, directory.path());
    let out = |service: &Process, arguments: &[&str]| {
        let said = ask(service, directory.path(), arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.err);
        said.out
    };
    let local = directory.path().join("config.local.yaml");
    let tried = out(&service, &["disable", "greeter", "--persist", "--dry-run"]);
    assert!(
        tried.contains("greeter             removed  `enabled: false` at config.local.yaml:"),
        "{tried}"
    );
    assert!(!local.exists());
    let done = out(&service, &["disable", "greeter", "--persist"]);
    assert!(
        done.ends_with("generation 2 serves; a restart remembers what was changed here\n"),
        "{done}"
    );
    let done = out(&service, &["enable", "greeter"]);
    assert!(
        done.ends_with("generation 3 serves; a restart forgets what was changed here\n"),
        "{done}"
    );
    drop(service);

    let service = Process::start(EVERYTHING, directory.path());
    let status = out(&service, &["status"]);
    assert!(
        status.lines().any(|line| line.starts_with("greeter ")
            && line.contains("disabled")
            && line.contains("config.local.yaml:")),
        "{status}"
    );
    let shown = run(EVERYTHING, directory.path(), &["config", "--diff"]).out;
    assert!(
        shown.starts_with("plugins.greeter.enabled: false"),
        "{shown}"
    );
    assert!(shown.contains("# config.local.yaml:"), "{shown}");
    out(&service, &["enable", "greeter", "--persist"]);
    drop(service);
    let service = Process::start(EVERYTHING, directory.path());
    let status = out(&service, &["status"]);
    assert!(!status.contains("disabled"), "{status}");
    drop(service);

    // Without a file there is nowhere to write to.
    let directory = tempfile::tempdir().unwrap();
    let service = Process::start(EVERYTHING, directory.path());
    let refused = ask(
        &service,
        directory.path(),
        &["disable", "greeter", "--persist"],
    );
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .err
            .starts_with("error: there is no configuration file")
            && refused.err.contains("\n  help: "),
        "{}",
        refused.err
    );
}
