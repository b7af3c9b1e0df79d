//! `${VAR}` and its like.

use super::*;

const VARIABLES: &[(&str, &str)] = &[
    ("PORT", "9000"),
    ("HOST", "127.0.0.1"),
    ("EMPTY", ""),
    ("WORDS", "a: b # c"),
    ("LIST", "[1, 2]"),
    ("REFERENCE", "${PORT}"),
    ("OFF", "false"),
];

fn with_variables(text: &str) -> ConfigBuilder {
    yaml(text).environment(VARIABLES.iter().copied())
}

/// The setting `service.name`, written so.
fn name(written: &str) -> Result<String> {
    let config = with_variables(&format!("service:\n  name: \"{written}\"\n")).build()?;
    Ok(config.settings().service.name.clone())
}

#[test]
fn what_is_written_and_what_it_means() {
    for (written, meant) in [
        ("${HOST}", "127.0.0.1"),
        ("${PORT}", "9000"),
        ("a ${HOST}:${PORT} b", "a 127.0.0.1:9000 b"),
        ("${NONE:-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${PORT:-x}", "9000"),
        ("x${EMPTY}", "x"),
        ("${NONE:-${PORT}}", "9000"),
        ("${NONE:-${NEITHER:-${PORT}0}}", "90000"),
        ("${PORT:-${NONE}}", "9000"),
        ("${NONE:-a:-b:?c}", "a:-b:?c"),
        ("${PORT:?has to be set}", "9000"),
        ("${PORT:?not ${HOST}}0", "90000"),
        ("$${PORT}", "${PORT}"),
        ("$$${PORT}", "$${PORT}"),
        ("costs $5, or $PORT", "costs $5, or $PORT"),
        ("${NONE:-$${x}", "${x"),
        // What a variable holds is text: no YAML, no reference.
        ("${WORDS}", "a: b # c"),
        ("${LIST}", "[1, 2]"),
        ("${REFERENCE}", "${PORT}"),
    ] {
        assert_eq!(name(written).unwrap(), meant, "{written}");
    }
}

#[test]
fn what_is_refused() {
    for (written, message, help) in [
        (
            "${NONE}",
            "`${NONE}`: there is no such variable in the environment",
            "set it, or write a default: `${NONE:-..}`",
        ),
        (
            "${NONE:?the name of the host}",
            "`${NONE}`: the name of the host",
            "set it, or write a default: `${NONE:-..}`",
        ),
        (
            "${EMPTY:?}",
            "`${EMPTY}`: it has to be set",
            "set it, or write a default: `${EMPTY:-..}`",
        ),
        (
            "${NONE:-${NEITHER}}",
            "`${NEITHER}`: there is no such variable in the environment",
            "set it, or write a default: `${NEITHER:-..}`",
        ),
        (
            "${PORT",
            "a `${` has no `}`",
            "close it, or write `$${` for a plain `${`",
        ),
        (
            "${PORT:-${HOST}",
            "a `${` has no `}`",
            "close it, or write `$${` for a plain `${`",
        ),
        (
            "${a b}",
            "`${a b}` is not a reference",
            "write `${NAME}`, `${NAME:-default}`, `${NAME:?message}` or `${file:PATH}`; `$${` is a plain `${`",
        ),
        (
            "${file:}",
            "`${file:}` is not a reference",
            "write `${NAME}`, `${NAME:-default}`, `${NAME:?message}` or `${file:PATH}`; `$${` is a plain `${`",
        ),
    ] {
        assert_eq!(
            lines(&name(written).unwrap_err()),
            [format!("config.yaml:2:9: {message} ({help})")],
            "{written}"
        );
    }
    let deep = "${A:-".repeat(40) + &"}".repeat(40);
    assert!(
        lines(&name(&deep).unwrap_err())[0].contains("nested too deeply"),
        "{deep}"
    );
}

#[test]
fn a_number_is_a_number_where_one_is_wanted() {
    let config = with_variables(
        "server:\n  listen: ${HOST}:${PORT}\n  max_connections: ${PORT}\nplugins:\n  a: {enabled: \"${OFF}\"}\n",
    )
    .build()
    .unwrap();
    let server = &config.settings().server;
    assert_eq!(server.listen, "127.0.0.1:9000".parse().unwrap());
    assert_eq!(server.max_connections, 9000);
    assert_eq!(config.sections().get("a").enabled, Some(false));
    assert_eq!(
        origin(&config, "server.max_connections"),
        "config.yaml:3:20 (${PORT})"
    );
}

#[test]
fn an_error_names_place_and_variable_and_not_the_value() {
    let text = "server:\n  listen: ${SECRET}\n  max_body: ${SECRET}\nlog:\n  format: ${SECRET}\n";
    let config = yaml(text).environment([("SECRET", "hunter2")]).build();
    let found = errors(config);
    assert_eq!(
        found,
        [
            "config.yaml:2:11 (${SECRET}): `server.listen`: invalid socket address syntax (write an IP address and a port: `127.0.0.1:8080`)",
            "config.yaml:3:13 (${SECRET}): `server.max_body`: this value is not a size; write `2MiB`",
            "config.yaml:5:11 (${SECRET}): `log.format`: it is not one of `pretty`, `json`",
        ]
    );
    let text = "server:\n  max_body: ${SECRET}\n  request_timeout: ${SECRET}\n";
    let found = errors(yaml(text).environment([("SECRET", "2hunter")]).build());
    assert_eq!(
        found,
        [
            "config.yaml:2:13 (${SECRET}): `server.max_body`: the unit of this value is not known; write one of B, KiB, MiB, GiB",
            "config.yaml:3:20 (${SECRET}): `server.request_timeout`: the unit of this value is not known; write one of ms, s, m, h",
        ]
    );
}

#[test]
fn a_value_with_a_quote_in_it_is_not_told_either() {
    let text = "server:\n  request_timeout: ${SECRET}\n";
    let found = errors(yaml(text).environment([("SECRET", "00`hunter2")]).build());
    assert_eq!(
        found,
        [
            "config.yaml:2:20 (${SECRET}): `server.request_timeout`: the unit of `..` is not known; write one of ms, s, m, h",
        ]
    );
}

#[test]
fn a_file_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    fs::write(
        &path,
        "service: {name: '${file:name}', version: '${file:none:-0.1}'}\n",
    )
    .unwrap();
    fs::write(directory.path().join("name"), "orders\n").unwrap();
    let draft = Config::builder().file(&path).draft();
    let watched: Vec<_> = draft
        .watched()
        .map(|path| path.file_name().unwrap().to_owned())
        .collect();
    let config = draft.finish(Vec::new(), |_| None).unwrap();
    assert_eq!(config.settings().service.name, "orders");
    assert_eq!(config.settings().service.version, "0.1");
    assert!(config.origin("service.name").unwrap().is_secret());
    let all = ["config.local.yaml", "config.yaml", "name", "none"];
    assert_eq!(watched, all);

    fs::remove_file(directory.path().join("name")).unwrap();
    let error = &errors(Config::builder().file(&path).build())[0];
    assert!(error.contains("`${file:name}`: No such file"), "{error}");
}

#[test]
fn references_that_multiply_are_stopped() {
    let long = "x".repeat(500_000);
    let value = "${LONG}${LONG}${LONG}";
    let found = errors(
        yaml(&format!("service: {{name: '{value}'}}"))
            .environment([("LONG", &long)])
            .build(),
    );
    assert!(found[0].contains("too long"), "{found:?}");
    let many: String = (0..40).map(|i| format!("  k{i}: ${{LONG}}\n")).collect();
    let found = errors(
        yaml(&format!("service:\n{many}"))
            .environment([("LONG", &long)])
            .build(),
    );
    assert!(found.iter().any(|line| line.contains("too long")));
}

#[test]
fn the_environment_and_the_program_are_taken_as_they_are() {
    let config = Config::builder()
        .environment([("CHASSIS__SERVICE__NAME", "${PORT}"), ("PORT", "1")])
        .set("service.version", "${PORT}")
        .build()
        .unwrap();
    let service = &config.settings().service;
    assert_eq!((&*service.name, &*service.version), ("${PORT}", "${PORT}"));
}

#[test]
fn one_that_leads_nowhere_hides_no_other_mistake() {
    let text = "server:\n  listen: ${NONE}\n  max_connections: ${NONE}\n  max_bdy: 1\nlog: {format: xml}\n";
    assert_eq!(
        errors(yaml(text).build()),
        [
            "config.yaml:2:11: `${NONE}`: there is no such variable in the environment (set it, or write a default: `${NONE:-..}`)",
            "config.yaml:3:20: `${NONE}`: there is no such variable in the environment (set it, or write a default: `${NONE:-..}`)",
            "config.yaml:4:3: `max_bdy` is not a known key of `server` (did you mean `max_body`?)",
            "config.yaml:5:15: `log.format`: `xml` is not one of `pretty`, `json`",
        ]
    );
}
