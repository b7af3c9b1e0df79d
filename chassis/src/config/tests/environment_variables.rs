//! The environment as a layer.

use super::*;

#[test]
fn an_underscore_means_a_hyphen() {
    let text = "plugins:\n  request-tracing:\n    points: {middleware.pre_request: {priority: 1}}\n    config: {header-name: a}\n";
    let config = yaml(text)
        .environment([
            (
                "CHASSIS__PLUGINS__REQUEST_TRACING__CONFIG__HEADER_NAME",
                "b",
            ),
            (
                "CHASSIS__PLUGINS__REQUEST_TRACING__POINTS__MIDDLEWARE_PRE_REQUEST__PRIORITY",
                "-2",
            ),
            ("CHASSIS__PLUGINS__NOT_IN_FILE__ENABLED", "false"),
        ])
        .build()
        .unwrap();
    let tracing = config.sections().get("request-tracing");
    assert_eq!(
        tracing.config.unwrap().to_json(),
        json!({"header-name": "b"})
    );
    assert_eq!(tracing.points["middleware.pre_request"].priority, Some(-2));
    assert_eq!(config.sections().get("not-in-file").enabled, Some(false));
}

#[test]
fn a_field_with_a_hyphen_need_not_be_in_the_file() {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Kebab {
        header_name: String,
    }
    let name = "CHASSIS__PLUGINS__X__CONFIG__HEADER_NAME";
    let plugin = environment(name, "a").build().unwrap().sections().get("x");
    assert_eq!(plugin.read::<Kebab>().unwrap().header_name, "a");
    // In a file, a key is what it is.
    let plugin = yaml("plugins: {x: {config: {header_name: a}}}")
        .build()
        .unwrap()
        .sections()
        .get("x");
    assert!(plugin.read::<Kebab>().is_err());
    // And what the program says is above it.
    let plugin = environment(name, "a")
        .set("plugins.x.config.header-name", "b")
        .build()
        .unwrap()
        .sections()
        .get("x");
    assert_eq!(plugin.read::<Kebab>().unwrap().header_name, "b");
}

#[test]
fn values_are_scalars_and_text_stays_text() {
    for (text, expected) in [
        ("5", json!(5)),
        ("-1.5", json!(-1.5)),
        ("true", json!(true)),
        ("", json!(null)),
        ("no", json!("no")),
        ("127.0.0.1:80", json!("127.0.0.1:80")),
        ("a: b", json!("a: b")),
        ("p#q & *x !y", json!("p#q & *x !y")),
        ("#nothing", json!("#nothing")),
        ("'5'", json!("5")),
        ("\"a\\nb\"", json!("a\nb")),
        ("[a, 1]", json!(["a", 1])),
        ("{a: {b: 1}}", json!({"a": {"b": 1}})),
        ("[half", json!("[half")),
        ("'", json!("'")),
        ("- a", json!("- a")),
        ("--- a", json!("--- a")),
    ] {
        let config = environment("CHASSIS__PLUGINS__X__CONFIG__A", text)
            .build()
            .unwrap();
        let found = config.sections().get("x").config.unwrap().to_json();
        assert_eq!(found, json!({ "a": expected }), "{text:?}");
    }
}

#[test]
fn a_string_gets_the_text_as_it_was() {
    #[derive(Deserialize)]
    struct Token {
        a: String,
    }
    for text in ["1.10", "0123", "true", "{a}", "", "null", "1e3"] {
        let config = environment("CHASSIS__PLUGINS__X__CONFIG__A", text)
            .build()
            .unwrap();
        assert_eq!(config.sections().get("x").read::<Token>().unwrap().a, text);
    }
    let config = environment("CHASSIS__SERVICE__VERSION", "1.10")
        .build()
        .unwrap();
    assert_eq!(config.settings().service.version, "1.10");
}

#[test]
fn unknown_ones_are_errors() {
    assert_eq!(
        errors(environment("CHASSIS__SERVER__LISTN", "x").build()),
        [
            "environment CHASSIS__SERVER__LISTN: `listn` is not a known key of `server` (did you mean `listen`?)"
        ]
    );
    assert_eq!(
        errors(environment("CHASSIS__SERVR", "x").build()),
        ["environment CHASSIS__SERVR: `servr` is not a known section (did you mean `server`?)"]
    );
}

#[test]
fn a_prefix_with_one_underscore_is_an_error() {
    assert_eq!(
        errors(environment("CHASSIS_SERVER__LISTEN", "127.0.0.1:1").build()),
        [
            "environment CHASSIS_SERVER__LISTEN: `CHASSIS_SERVER__LISTEN` is not read (did you mean `CHASSIS__SERVER__LISTEN`?)"
        ]
    );
    for other in ["CHASSIS_PROFIL", "CHASSISX__A", "OTHER__CHASSIS__A"] {
        assert!(environment(other, "x").build().is_ok(), "{other}");
    }
}

#[test]
fn a_value_where_another_one_needs_a_map_is_an_error() {
    let text = "server: {max_connections: 7}\n";
    for (value, name, deeper, message) in [
        (
            "5",
            "CHASSIS__SERVER",
            "CHASSIS__SERVER__LISTEN",
            "`CHASSIS__SERVER` is a value, but `CHASSIS__SERVER__LISTEN` needs a map there",
        ),
        (
            "5",
            "CHASSIS__server",
            "CHASSIS__SERVER__LISTEN",
            "`CHASSIS__server` is a value, but `CHASSIS__SERVER__LISTEN` needs a map there",
        ),
        (
            "{a: 5}",
            "CHASSIS__PLUGINS__X__CONFIG",
            "CHASSIS__PLUGINS__X__CONFIG__A__B",
            "`CHASSIS__PLUGINS__X__CONFIG` has a value at `plugins.x.config.a`, but `CHASSIS__PLUGINS__X__CONFIG__A__B` needs a map there",
        ),
    ] {
        let both = yaml(text).environment([(deeper, "127.0.0.1:0"), (name, value)]);
        assert_eq!(
            errors(both.build()),
            [format!(
                "environment {deeper}: {message} (unset one of them)"
            )]
        );
    }
    // A map, or nothing, can be added to; and the value of a lower layer may give way to a map.
    for value in ["{max_connections: 8}", ""] {
        let config = yaml(text)
            .environment([
                ("CHASSIS__SERVER", value),
                ("CHASSIS__SERVER__LISTEN", "127.0.0.1:1"),
            ])
            .build()
            .unwrap();
        let server = &config.settings().server;
        assert_eq!(server.listen.port(), 1);
        assert!(server.max_connections == if value.is_empty() { 7 } else { 8 });
    }
    let config = yaml("plugins: {x: {config: {a: 5}}}")
        .environment([("CHASSIS__PLUGINS__X__CONFIG__A__B", "1")])
        .build()
        .unwrap();
    let found = config.sections().get("x").config.unwrap().to_json();
    assert_eq!(found, json!({"a": {"b": 1}}));
}

#[test]
fn two_spellings_of_one_variable_are_an_error_that_names_both() {
    for (one, other) in [
        ("CHASSIS__SERVER__LISTEN", "CHASSIS__server__listen"),
        (
            "CHASSIS__PLUGINS__X-Y__ENABLED",
            "CHASSIS__PLUGINS__X_Y__ENABLED",
        ),
    ] {
        let both = Config::builder().environment([(other, "127.0.0.1:1"), (one, "127.0.0.1:2")]);
        assert_eq!(
            errors(both.build()),
            [format!(
                "environment {other}: `{one}` and `{other}` are the same setting (unset one of them)"
            )]
        );
    }
    // The same name twice is no second spelling: the later one replaces the earlier one.
    let config = environment("CHASSIS__SERVER__LISTEN", "127.0.0.1:1")
        .environment([("CHASSIS__SERVER__LISTEN", "127.0.0.1:2")]);
    assert_eq!(config.build().unwrap().settings().server.listen.port(), 2);
}

#[test]
fn one_item_is_not_a_list() {
    assert_eq!(
        errors(environment("CHASSIS__SERVER__TRUSTED_PROXIES", "10.0.0.0/8").build()),
        [
            "environment CHASSIS__SERVER__TRUSTED_PROXIES: `server.trusted_proxies`: expected a list, found a string (a list is written `[a, b]`)"
        ]
    );
}

#[test]
fn malformed_ones_are_errors() {
    for name in ["CHASSIS__", "CHASSIS__A____B", "CHASSIS__A__"] {
        let error = environment(name, "1").build().unwrap_err();
        assert_eq!(error.message(), format!("`{name}` does not name a setting"));
    }
}

#[cfg(unix)]
#[test]
fn neither_name_nor_value_may_be_other_than_text() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

    let odd = || OsString::from_vec(b"CHASSIS__\xff".to_vec());
    let config =
        Config::builder().environment([(OsString::from("CHASSIS__A"), odd()), (odd(), "1".into())]);
    assert_eq!(config.build().unwrap_err().others().len(), 1);
    let foreign = Config::builder().environment([(OsString::from("OTHER"), odd())]);
    assert!(foreign.build().is_ok());
}
