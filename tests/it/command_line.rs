//! The command line of every service, as whoever types it sees it.

use crate::process::Process;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

mod steer;

pub(crate) const EVERYTHING: &str = env!("CARGO_BIN_EXE_everything");
pub(crate) const VICTIM: &str = env!("CARGO_BIN_EXE_victim");

/// What a program said, and how it ended.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

pub(crate) fn run(program: &str, directory: &Path, arguments: &[&str]) -> Said {
    said(
        Command::new(program)
            .args(arguments)
            .current_dir(directory)
            .env_remove("RUST_LOG"),
    )
}

fn said(command: &mut Command) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program can be run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it says text");
    Said {
        out: text(stdout),
        err: text(stderr),
        code: status.code(),
    }
}

/// Asks a service that runs as [`EVERYTHING`], from its directory.
pub(crate) fn ask(service: &Process, directory: &Path, arguments: &[&str]) -> Said {
    let listen = listen(service);
    let all: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(["--set", &listen])
        .collect();
    run(EVERYTHING, directory, &all)
}

fn listen(service: &Process) -> String {
    format!("management.listen={}", service.management)
}

/// A directory with this as `config.yaml`.
pub(crate) fn with(yaml: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("there is room");
    fs::write(directory.path().join("config.yaml"), yaml).expect("there is room");
    directory
}

#[test]
fn check_tells_each_mistake_with_its_line() {
    let directory = with(
        "server:\n  listen: 127.0.0.1:0\n  max_bdy: 1KiB # too little\nplugins:\n  greeter:\n    config: {greeting: ''}\n",
    );
    let checked = run(EVERYTHING, directory.path(), &["check"]);
    assert_eq!(checked.code, Some(64));
    assert_eq!(
        checked.err,
        "\
error: `max_bdy` is not a known key of `server`
  --> config.yaml:3:3
     |
   3 |   max_bdy: ..
     |   ^^^^^^^
  help: did you mean `max_body`?

error: plugin `greeter`: `plugins.greeter.config.greeting`: it is empty
  --> config.yaml:6:24
     |
   6 |     config: {greeting: ''}
     |                        ^^
  help: give it a word, or remove the key to have the default

2 errors\n"
    );
    assert_eq!(checked.out, "");
}

#[test]
fn check_mends_what_has_one_obvious_fix() {
    let directory = with(
        "# Ours.\nserver:\n  max_bdy: 1KiB   # little\nplugins:\n  greeter:\n    greeting: Ahoy\n    enabled: yes\n  config-directory:\n    config: {secret: 5}\n",
    );
    let file = directory.path().join("config.yaml");
    let mended = run(EVERYTHING, directory.path(), &["check", "--fix"]);
    assert_eq!(
        mended.out,
        "config.yaml:3:3: `max_bdy` renamed to `max_body`\n\
         config.yaml:6:5: `greeting` moved under `config`\n\
         config.yaml:7:14: `enabled` rewritten\n"
    );
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "# Ours.\nserver:\n  max_body: 1KiB   # little\nplugins:\n  greeter:\n    config:\n      greeting: Ahoy\n    enabled: true\n  config-directory:\n    config: {secret: 5}\n"
    );
    // What is left nobody can know.
    assert_eq!(mended.code, Some(64));
    assert!(
        mended.err.contains("expected a boolean, found an integer"),
        "{}",
        mended.err
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_is_there_can_be_listed() {
    let directory = with("");
    let plugins = run(EVERYTHING, directory.path(), &["plugins"]).out;
    assert!(plugins.lines().any(|line| line.starts_with("greeter ")
        && line.ends_with("Greets callers at `GET /hello/{name}`.")));
    let json = run(EVERYTHING, directory.path(), &["plugins", "--json"]).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json[1]["name"], "config-directory");
    assert_eq!(json[1]["info"]["stage"], "bootstrap");
    let graph = run(VICTIM, directory.path(), &["graph"]).out;
    assert!(graph.contains("after base"), "{graph}");
    for (format, begins) in [
        ("mermaid", "flowchart TD"),
        ("dot", "digraph"),
        ("json", "{"),
    ] {
        let graph = run(VICTIM, directory.path(), &["graph", "--format", format]).out;
        assert!(graph.starts_with(begins), "{graph}");
    }
    let wrong = run(VICTIM, directory.path(), &["graph", "--format", "svg"]);
    assert_eq!(wrong.code, Some(64));
    assert!(
        wrong
            .err
            .contains("[possible values: text, json, mermaid, dot]")
    );
}

#[test]
fn the_configuration_is_shown_with_origins() {
    let directory = with("server: {max_body: 1KiB}\nplugins:\n  greeter: {priority: 3}\n");
    fs::write(
        directory.path().join("config.dev.yaml"),
        "log:\n  format: json\n",
    )
    .unwrap();
    let arguments = [
        "config",
        "--set",
        "server.max_header=${HOME}",
        "--profile",
        "dev",
    ];
    let wrong = run(EVERYTHING, directory.path(), &arguments);
    assert!(
        wrong.err.contains("--> --set server.max_header"),
        "{}",
        wrong.err
    );
    let arguments = [
        "config",
        "--set",
        "server.max_header=32KiB",
        "--profile",
        "dev",
    ];
    let shown = run(EVERYTHING, directory.path(), &arguments).out;
    for line in [
        "  max_body: \"1KiB\"                      # config.yaml:1:20",
        "  max_header: \"32KiB\"                   # --set server.max_header",
        "  format: \"json\"                        # config.dev.yaml:2:11",
        "  idle_timeout: \"1m\"                    # default",
        "      greeting: \"Hello\"                 # default",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in\n{shown}"
        );
    }
    let arguments = ["config", "--diff", "--profile", "dev"];
    assert_eq!(
        run(EVERYTHING, directory.path(), &arguments).out,
        "log.format: \"json\"                      # config.dev.yaml:2:11\n\
         plugins.greeter.priority: 3             # config.yaml:3:23\n\
         server.max_body: \"1KiB\"                 # config.yaml:1:20\n"
    );
    let schema = run(EVERYTHING, directory.path(), &["config", "--schema"]).out;
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("it is JSON");
    assert_eq!(
        schema["properties"]["plugins"]["properties"]["greeter"]["properties"]["config"]["properties"]
            ["greeting"]["default"],
        "Hello"
    );
}

#[test]
fn the_readmes_of_plugins_have_the_tables_of_their_schemas() {
    let all = [EVERYTHING, env!("CARGO_BIN_EXE_guarded")];
    let tables = all.map(|program| run(program, Path::new("/"), &["config", "--markdown"]).out);
    let tables = tables.concat();
    for table in tables.split("## `plugins.").skip(1) {
        let (plugin, table) = table.split_once(".config`\n\n").expect("it has settings");
        let table = table.split("## ").next().unwrap_or_default().trim();
        let path = format!(
            "{}/../plugins/chassis-{plugin}/README.md",
            env!("CARGO_MANIFEST_DIR")
        );
        let readme = fs::read_to_string(path).expect("it is there");
        assert!(
            readme.contains(table),
            "run `cargo xtask settings`: {plugin}\n{table}"
        );
    }
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    let directory = with("");
    for (arguments, told) in [
        (&["--confg", "x"][..], "unexpected argument '--confg' found"),
        (&["--set", "x"], "write a path and a value"),
        (&["--profile", "dev"], "config.dev.yaml` can't be read"),
        (&["--config", "none.yaml"], "`none.yaml` can't be read"),
        (&["config", "--schema", "--diff"], "cannot be used with"),
        (&["chek"], "did you mean `check`?"),
    ] {
        let said = run(EVERYTHING, directory.path(), arguments);
        assert_eq!(said.code, Some(64), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
    }
    let help = run(EVERYTHING, directory.path(), &["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(
        help.out.contains("Usage: everything [OPTIONS] [COMMAND]"),
        "{}",
        help.out
    );
    let version = run(EVERYTHING, directory.path(), &["--version"]);
    assert!(
        version.out.starts_with("everything (chassis "),
        "{}",
        version.out
    );
}

#[test]
fn the_running_service_answers() {
    let directory = with("");
    let service = Process::start(EVERYTHING, directory.path());
    let listen = listen(&service);
    let ask = |arguments: &[&str]| ask(&service, directory.path(), arguments);
    let status = ask(&["status"]);
    assert_eq!(status.code, Some(0), "{}", status.err);
    assert!(
        status.out.contains(" is ready; generation 1, pid "),
        "{}",
        status.out
    );
    assert!(
        status
            .out
            .lines()
            .any(|line| line.starts_with("greeter ") && line.contains("running"))
    );
    for which in ["live", "ready", "startup"] {
        let health = ask(&["health", which]);
        assert_eq!(
            (health.code, health.out),
            (Some(0), format!("{which}: healthy\n"))
        );
    }
    let all = ask(&["health", "all"]);
    assert_eq!((all.code, &*all.out), (Some(0), "all: healthy\n"));
    let group = ask(&["health", "storage"]);
    assert_eq!(group.code, Some(1));
    let told = "error: there is no group of health checks `storage`";
    assert!(group.err.starts_with(told), "{}", group.err);
    let reloaded = ask(&["reload"]);
    assert_eq!(
        (reloaded.code, &*reloaded.out),
        (Some(0), "generation 2 serves\n")
    );
    fs::write(
        directory.path().join("config.yaml"),
        "reload: {watch: flase}\n",
    )
    .unwrap();
    let refused = said(
        Command::new(EVERYTHING)
            .args(["reload", "--config", "/dev/null", "--set", &listen])
            .current_dir(directory.path()),
    );
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .err
            .contains("error: `reload.watch`: expected a boolean, found a string"),
        "{}",
        refused.err
    );
    // A mistake that nobody has reloaded says nothing of the service that runs.
    fs::write(
        directory.path().join("config.yaml"),
        format!(
            "management: {{listen: {}}}\nlog: {{format: xml}}\n",
            service.management
        ),
    )
    .unwrap();
    for mistake in ["", "plugins: ["] {
        let mut command = Command::new(EVERYTHING);
        command
            .args(["health", "ready"])
            .current_dir(directory.path());
        if !mistake.is_empty() {
            fs::write(directory.path().join("config.yaml"), mistake).unwrap();
            command.env(
                "CHASSIS__MANAGEMENT__LISTEN",
                service.management.to_string(),
            );
        }
        let health = said(&mut command);
        assert_eq!(
            (health.code, &*health.out),
            (Some(0), "ready: healthy\n"),
            "{}",
            health.err
        );
    }
    // Without the variable the address is a guess: good enough to ask, and not to change.
    let reload = run(EVERYTHING, directory.path(), &["reload"]);
    assert_eq!(reload.code, Some(64));
    assert!(reload.err.contains("is not valid YAML"), "{}", reload.err);
    let health = run(EVERYTHING, directory.path(), &["health"]);
    assert!(
        health.err.contains("asking 127.0.0.1:8081, the default"),
        "{}",
        health.err
    );
    drop(service);

    let gone = run(EVERYTHING, Path::new("/"), &["health", "--set", &listen]);
    assert_eq!(gone.code, Some(1));
    assert!(
        gone.err.contains("error: no service answers at 127.0.0.1:"),
        "{}",
        gone.err
    );
}

#[test]
fn plugins_bring_subcommands() {
    let directory = with("");
    let listed = run(VICTIM, directory.path(), &["commands"]).out;
    assert!(
        listed
            .lines()
            .any(|line| line == "sum      sums    Adds numbers"),
        "{listed}"
    );
    let sum = run(VICTIM, directory.path(), &["sum", "2", "--", "-5", "40"]);
    assert_eq!((sum.code, &*sum.out), (Some(0), "37\n"), "{}", sum.err);
    let wrong = run(VICTIM, directory.path(), &["sum", "two"]);
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong
            .err
            .contains("error: plugin `sums`: `two` is not a number"),
        "{}",
        wrong.err
    );
    let none = run(VICTIM, directory.path(), &["smu"]);
    assert_eq!(none.code, Some(64));
    assert!(none.err.contains("did you mean `sum`?"), "{}", none.err);
}
