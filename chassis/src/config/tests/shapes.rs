//! Lists, words and numbers where something else belongs, and names that no plugin has.

use super::*;

#[test]
fn names_are_looked_for_in_the_same_round() {
    let text = "\
plugins:
  my_plugin: {secret: x}
  gone: {priority: high}
  Some_Other:
  tracing: true
  again: {use: 5, enabled: no}
";
    let linked = [
        plugin::<NoConfig>("my-plugin"),
        plugin::<NoConfig>("my-plugins"),
    ];
    assert_eq!(
        errors_with(text, &linked),
        [
            "config.yaml:2:3: the plugin `my_plugin` is in the configuration, but it is not linked (did you mean `my-plugin`?)",
            "config.yaml:2:15: `secret`: the plugin's own settings go under `config:` (move it to `plugins.my_plugin.config.secret`)",
            "config.yaml:3:3: the plugin `gone` is in the configuration, but it is not linked (no linked crate has it; is one missing in `chassis::link!(..)`?)",
            "config.yaml:3:20: `plugins.gone.priority`: expected an integer, found a string",
            "config.yaml:4:3: the plugin `Some_Other` is in the configuration, but it is not linked (names of plugins have hyphens: `some-other`; no linked crate has that either, is one missing in `chassis::link!(..)`?)",
            "config.yaml:5:12: `plugins.tracing`: expected a map, found a boolean (write `tracing: {enabled: true}`)",
            "config.yaml:5:12: the plugin `tracing` is in the configuration, but it is not linked (no linked crate has it; is one missing in `chassis::link!(..)`?)",
            "config.yaml:6:16: `plugins.again.use`: expected a string, found an integer (write it in quotes)",
            "config.yaml:6:28: `plugins.again.enabled`: expected a boolean, found a string (write `true` or `false`)",
        ]
    );
}

#[test]
fn plugins_is_a_map() {
    for (value, expected) in [
        (
            "[{name: auth, enabled: true}, {name: other}]",
            "expected a map, found a list (write each under its name: `auth: {..}`)",
        ),
        (
            "[{name: 'a secret?'}]",
            "expected a map, found a list (write each under its name: `NAME: {..}`)",
        ),
        (
            "[auth, other]",
            "expected a map, found a list (plugins that are linked need not be listed; write `auth: {..}` for settings)",
        ),
        (
            "true",
            "expected a map, found a boolean (write the name of a plugin, and its settings below it)",
        ),
    ] {
        // The plugin would miss its settings, but nobody knows yet.
        #[derive(Debug, Deserialize, JsonSchema)]
        struct Secret {
            _secret: String,
        }
        let found = errors_with(&format!("plugins: {value}\n"), &[plugin::<Secret>("auth")]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].ends_with(&format!("`plugins`: {expected}")),
            "{found:#?}"
        );
    }
    assert_eq!(
        errors(environment("CHASSIS__PLUGINS", "[hunter2]").build()),
        [
            "environment CHASSIS__PLUGINS: `plugins`: expected a map, found a list (write each under its name: `NAME: {..}`)"
        ]
    );
}

#[test]
fn sections_are_maps_whatever_lies_above() {
    let covered = |text: &str, path: &str, value: bool| errors(yaml(text).set(path, value).build());
    assert_eq!(
        covered("plugins: [auth]", "plugins.x.enabled", false),
        [
            "config.yaml:1:1: `plugins`: expected a map, found a list (plugins that are linked need not be listed; write `auth: {..}` for settings)"
        ]
    );
    assert_eq!(
        covered("plugins: {x: [1]}", "plugins.x.enabled", false),
        [
            "config.yaml:1:11: `plugins.x`: expected a map, found a list (the plugin's own settings go under `config:`)"
        ]
    );
    let text = "server: [1]\nmanagement: {listen: '127.0.0.1:8080'}\n";
    let found = errors(
        yaml(text)
            .environment([("CHASSIS__SERVER__MAX_BODY", "1KiB")])
            .build(),
    );
    assert_eq!(
        found,
        ["config.yaml:1:1: `server`: expected a map, found a list"]
    );
    let layer = crate::ConfigLayer::new().document("log: 1\nport: 1", "kv log");
    let config = yaml("").set("log.filter", "info").build().unwrap();
    let found = errors(config.with_sources(&[layer]).finish(Vec::new(), |_| None));
    assert_eq!(
        found,
        ["kv log:1:6: `log`: expected a map, found an integer"]
    );
}

#[test]
fn a_bare_priority_of_a_point() {
    assert_eq!(
        errors(yaml("plugins: {a: {points: {b: 5, c.d: 0.5, e: {priority: '7'}}}}").build()),
        [
            "config.yaml:1:27: `plugins.a.points.b`: expected a map, found an integer (write `{priority: 5}`)",
            "config.yaml:1:35: `plugins.a.points.\"c.d\"`: expected a map, found a float",
            "config.yaml:1:54: `plugins.a.points.e.priority`: expected an integer, found a string (write it without quotes)",
        ]
    );
}

#[test]
fn numbers_written_otherwise() {
    for (text, expected) in [
        (
            "admission: {max_plugins: '100'}",
            "`admission.max_plugins`: expected a whole number, found a string (write it without quotes)",
        ),
        (
            "admission: {max_plugins: '-1'}",
            "`admission.max_plugins`: expected a whole number, found a string",
        ),
        (
            "reload: {drain: 100000000}",
            "`reload.drain`: `100000000` has no unit; in nanoseconds it would be `100ms`",
        ),
        (
            "reload: {drain: 1000001}",
            "`reload.drain`: `1000001` has no unit; write `1000001s` or `1000001ms`",
        ),
        (
            "reload: {drain: 0.5}",
            "`reload.drain`: expected a time with its unit, as `30s`, found a float (write `500ms`)",
        ),
        (
            "reload: {drain: -0.5}",
            "`reload.drain`: expected a time with its unit, as `30s`, found a float",
        ),
    ] {
        let found = errors(yaml(text).build()).concat();
        assert!(found.ends_with(expected), "{found}");
    }
    // Nothing of a value that comes from elsewhere, in whatever unit.
    for value in ["123000000", "0.123"] {
        let found = errors(environment("CHASSIS__RELOAD__DRAIN", value).build()).concat();
        assert!(!found.contains("123"), "{found}");
    }
}
