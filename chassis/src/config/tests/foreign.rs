//! Words of other systems: each is told what it is here.

use super::*;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tracing {
    #[serde(default, rename = "correlation_header")]
    _header: String,
    #[serde(default, rename = "endpoint")]
    _endpoint: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Open {}

fn error(text: &str) -> String {
    let found = errors(yaml(text).build());
    assert_eq!(found.len(), 1, "{found:#?}");
    found.concat()
}

#[test]
fn below_plugins() {
    for (key, value, expected) in [
        (
            "directory",
            "./plugins",
            "plugins are linked, not loaded from directories (remove it, and name the crate of each plugin in `chassis::link!(..)`)",
        ),
        (
            "directories",
            "",
            "plugins are linked, not loaded from directories (remove it, and name the crate of each plugin in `chassis::link!(..)`)",
        ),
        (
            "enabled",
            "true",
            "there is no switch for all plugins (remove it: plugins that are linked take part)",
        ),
        (
            "enabled",
            "no",
            "there is no switch for all plugins (write `enabled: false` in the section of each)",
        ),
        (
            "auto_load",
            "true",
            "every plugin that is linked takes part (remove it)",
        ),
        (
            "auto_load",
            "false",
            "every plugin that is linked takes part (write `enabled: false` in the section of each that should not)",
        ),
        (
            "hot_reload",
            "false",
            "`reload.watch` says whether a changed file reloads (move it to `reload.watch`)",
        ),
        (
            "max_plugins",
            "3",
            "this is a setting of `admission` (move it to `admission.max_plugins`)",
        ),
        (
            "configs",
            "{one: {}}",
            "plugins stand directly below `plugins:` (move it up: `plugins.one`)",
        ),
        (
            "configs",
            "{d: , c: , b: , a: }",
            "plugins stand directly below `plugins:` (move them up: `plugins.a`, `plugins.b`, `plugins.c`)",
        ),
        (
            "configs",
            "{}",
            "plugins stand directly below `plugins:` (remove it)",
        ),
        (
            "config",
            "{a: 1}",
            "this belongs into the section of a plugin (write `NAME: {config: ..}`)",
        ),
        (
            "use",
            "sql",
            "this belongs into the section of a plugin (write `NAME: {use: ..}`)",
        ),
        (
            "chassis",
            "{log: debug}",
            "the chassis is no plugin (its settings are sections beside `plugins:`: `admission`, `discovery`, `events`, `health`, `lifecycle`, `log`, `management`, `metrics`, `reload`, `server`, `service`, `shutdown`)",
        ),
        (
            "metrics",
            "{use: prometheus}",
            "no plugin can be called `metrics`, it is reserved (choose another name)",
        ),
    ] {
        let found = error(&format!("plugins:\n  {key}: {value}\n"));
        assert_eq!(
            found,
            format!("config.yaml:2:3: `plugins.{key}`: {expected}")
        );
    }
    // They are about no plugin, and what is below them waits.
    let error = yaml("plugins: {health: {enabled: 5, x: 1}}")
        .build()
        .unwrap_err();
    assert_eq!((error.plugin(), error.others().len()), (None, 0));
    assert_eq!(
        errors(environment("CHASSIS__PLUGINS__MAX_PLUGINS", "3").build()),
        [
            "environment CHASSIS__PLUGINS__MAX_PLUGINS: `plugins.max_plugins`: this is a setting of `admission` (move it to `admission.max_plugins`)"
        ]
    );
}

#[test]
fn beside_config() {
    let linked = [
        plugin::<Tracing>("tracing"),
        plugin::<NoConfig>("bare"),
        plugin::<()>("unit"),
    ];
    for (name, key, expected) in [
        // What the plugin has is moved, whatever it is elsewhere.
        (
            "tracing",
            "correlation_header",
            "`correlation_header`: the plugin's own settings go under `config:` (move it to `plugins.tracing.config.correlation_header`)",
        ),
        (
            "tracing",
            "endpoint",
            "`endpoint`: the plugin's own settings go under `config:` (move it to `plugins.tracing.config.endpoint`)",
        ),
        (
            "bare",
            "endpoint",
            "`endpoint`: plugins are linked, not started or loaded (remove it, and name the crate in `chassis::link!(..)`)",
        ),
        // What it has not can't be moved.
        (
            "tracing",
            "retry",
            "`retry` is not a known key of `plugins.tracing` (known here: `enabled`, `required`, `use`, `priority`, `points`, `deadlines`, `limits`, `tags`, `config`)",
        ),
        (
            "tracing",
            "corelation_header",
            "`corelation_header` is not a known key of `plugins.tracing` (did you mean `config.correlation_header`?)",
        ),
        (
            "bare",
            "enabeld",
            "`enabeld` is not a known key of `plugins.bare` (did you mean `enabled`?)",
        ),
        (
            "unit",
            "retry",
            "`retry` is not a known key of `plugins.unit` (known here: `enabled`, `required`, `use`, `priority`, `points`, `deadlines`, `limits`, `tags`, `config`)",
        ),
        // Words that mean nothing here.
        (
            "bare",
            "name",
            "`name`: the name of a plugin is the key of its section (remove it)",
        ),
        (
            "bare",
            "version",
            "`version`: the version of a plugin is that of its crate (remove it)",
        ),
        (
            "bare",
            "depends_on",
            "`depends_on`: what a plugin requires is said in its code (write `#[plugin(requires = [..])]`)",
        ),
        (
            "bare",
            "hash",
            "`hash`: plugins are linked, so there is no file to check (remove it)",
        ),
    ] {
        let found = errors_with(&format!("plugins:\n  {name}:\n    {key}: x\n"), &linked);
        assert_eq!(found, [format!("config.yaml:3:5: {expected}")]);
    }
    // Who takes any key may take this one.
    let open = [plugin::<Open>("open")];
    assert_eq!(
        errors_with("plugins: {open: {retry: 3, priorty: 1}}", &open),
        [
            "config.yaml:1:18: `retry`: the plugin's own settings go under `config:` (move it to `plugins.open.config.retry`)",
            "config.yaml:1:28: `priorty`: the plugin's own settings go under `config:` (move it to `plugins.open.config.priorty`; or did you mean `priority`?)",
        ]
    );
    // An instance has the settings of its plugin.
    assert_eq!(
        errors_with("plugins: {again: {use: bare, retry: 3}}", &linked),
        [
            "config.yaml:1:30: `retry` is not a known key of `plugins.again` (known here: `enabled`, `required`, `use`, `priority`, `points`, `deadlines`, `limits`, `tags`, `config`)"
        ]
    );
}

#[test]
fn settings_under_other_names() {
    for (text, expected) in [
        (
            "max_plugins: 3",
            "`max_plugins` is not a known section (did you mean `admission.max_plugins`?)",
        ),
        (
            "version: '1.0'",
            "`version` is not a known section (did you mean `service.version`?)",
        ),
        (
            "listen: x",
            "`listen` is not a known section (did you mean `management.listen`, `metrics.listen`, `server.listen`?)",
        ),
        (
            "log_level: debug",
            "`log_level` is not a known section (write `log: {filter: info}`)",
        ),
        (
            "port: 80",
            "`port` is not a known section (write `server: {listen: 127.0.0.1:8080}`)",
        ),
        (
            "server: {port: 80}",
            "`port` is not a known key of `server` (write `listen: 127.0.0.1:8080`)",
        ),
        (
            "management: {host: x}",
            "`host` is not a known key of `management` (write `listen: 127.0.0.1:8081`)",
        ),
    ] {
        let found = error(text);
        assert!(found.ends_with(expected), "{found}");
    }
}
