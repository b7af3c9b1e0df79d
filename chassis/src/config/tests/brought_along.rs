//! The configurations of other systems as they stand in their documents: what each is told, and that it loads once that
//! is obeyed.

use super::*;
use crate::config::fix::apply;
const GO_LEAP_AI: &str = include_str!("brought_along/goleapai.yaml");
/// The sample of go-plugins, by the keys that its types have in YAML.
const GO_PLUGINS: &str = include_str!("brought_along/go-plugins.yaml");
/// Its plugin as a map.
const AUTH_SERVICE: &str = include_str!("brought_along/auth-service.yaml");
const WHITELIST: &str = include_str!("brought_along/whitelist.yaml");

/// Its plugins as a map.
const WHITELISTED: &str = include_str!("brought_along/whitelisted.yaml");
const ENRICHMENT: &str = include_str!("brought_along/enrichment.yaml");
const MARTY: &str = include_str!("brought_along/marty.yaml");

macro_rules! settings {
    ($($name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "read by nobody but serde")]
        struct $name { $($field: $type),* }
    )*};
}

settings! {
    ExampleProvider { api_endpoint: String, api_key: String, timeout: String, max_retries: u32 }
    AuthMethod { method: String, api_key: String }
    AuthService { auth: AuthMethod }
    MyPlugin { api_url: String, api_key: String, timeout: u64, rate_limit: u64 }
    Jwt { jwt_secret: String, jwt_algorithm: String, token_expiry: u64 }
    Tracing { correlation_header: String, timing_header: String }
    CustomMetrics { collection_interval: u64, export_format: String }
}

fn with_keys(text: &str) -> ConfigBuilder {
    yaml(text).environment([("EXAMPLE_API_KEY", "k"), ("MY_PLUGIN_API_KEY", "k")])
}

fn found(text: &str, plugins: &[Registration]) -> Vec<String> {
    errors(accept(with_keys(text), plugins))
}

/// The text once nothing more can be done to it, and what was done.
fn mended(text: &str, plugins: &[Registration]) -> (String, Vec<String>) {
    let (mut text, mut done) = (text.to_owned(), Vec::new());
    while let Err(error) = accept(with_keys(&text), plugins) {
        let errors: Vec<&Error> = std::iter::once(&error).chain(error.others()).collect();
        let fixed = apply("config.yaml", &text, &errors);
        if fixed.done.is_empty() {
            break;
        }
        text = fixed.text;
        done.extend(fixed.done);
    }
    (text, done)
}

fn loads(text: &str, plugins: &[Registration]) {
    accept(with_keys(text), plugins).unwrap();
}

#[test]
fn go_leap_ai() {
    let plugins = [plugin::<ExampleProvider>("example-provider")];
    assert_eq!(
        found(GO_LEAP_AI, &plugins),
        [
            "config.yaml:2:3: `plugins.enabled`: there is no switch for all plugins (remove it: plugins that are linked take part)",
            "config.yaml:3:3: `plugins.directory`: plugins are linked, not loaded from directories (remove it, and name the crate of each plugin in `chassis::link!(..)`)",
            "config.yaml:4:3: `plugins.auto_load`: every plugin that is linked takes part (remove it)",
            "config.yaml:5:3: `plugins.hot_reload`: `reload.watch` says whether a changed file reloads (move it to `reload.watch`)",
            "config.yaml:6:3: `plugins.max_plugins`: this is a setting of `admission` (move it to `admission.max_plugins`)",
            "config.yaml:8:3: `plugins.configs`: plugins stand directly below `plugins:` (move it up: `plugins.example-provider`)",
        ]
    );
    let (text, done) = mended(GO_LEAP_AI, &plugins);
    assert_eq!(
        done,
        [
            "config.yaml:2:3: `enabled` removed",
            "config.yaml:4:3: `auto_load` removed",
        ]
    );
    // The rest by hand.
    let (_, provider) = text.split_once("  configs:\n").unwrap();
    let provider = provider.replace("\n  ", "\n");
    let text = format!(
        "admission: {{max_plugins: 100}}\nplugins:\n{}",
        &provider[2..]
    );
    loads(&text, &plugins);
}

#[test]
fn go_plugins() {
    assert_eq!(
        found(GO_PLUGINS, &[]),
        [
            "config.yaml:1:1: `log_level` is not a known section (write `log: {filter: info}`)",
            "config.yaml:2:1: `default_retry` is not a known section (known here: `admission`, `discovery`, `events`, `health`, `lifecycle`, `log`, `management`, `metrics`, `plugins`, `reload`, `server`, `service`, `shutdown`)",
            "config.yaml:3:1: `security` is not a known section (known here: `admission`, `discovery`, `events`, `health`, `lifecycle`, `log`, `management`, `metrics`, `plugins`, `reload`, `server`, `service`, `shutdown`)",
            "config.yaml:4:1: `plugins`: expected a map, found a list (write each under its name: `auth-service: {..}`)",
        ]
    );

    let plugins = [plugin::<AuthService>("auth-service")];
    let errors = found(AUTH_SERVICE, &plugins);
    let started = ["type", "transport", "executable", "args", "env"].map(|key| {
        format!("`{key}`: plugins are linked, not started or loaded (remove it, and name the crate in `chassis::link!(..)`)")
    });
    let expected: Vec<String> = ["`name`: the name of a plugin is the key of its section (remove it)".to_owned()]
        .into_iter()
        .chain(started)
        .chain([
            "`auth`: the plugin's own settings go under `config:` (move it to `plugins.auth-service.config.auth`)".to_owned(),
            "`retry` is not a known key of `plugins.auth-service` (known here: `enabled`, `required`, `use`, `priority`, `points`, `deadlines`, `limits`, `tags`, `config`)".to_owned(),
        ])
        .collect();
    let told: Vec<&str> = errors
        .iter()
        .map(|line| line.splitn(4, ':').nth(3).unwrap().trim())
        .collect();
    assert_eq!(told, expected);
    let (text, _) = mended(AUTH_SERVICE, &plugins);
    assert_eq!(
        text,
        "plugins:\n  auth-service:\n    enabled: true\n    priority: 1\n\n    config:\n      # Authentication\n      auth:\n        method: api_key\n        api_key: secure-api-key   # rotate it\n    retry: {max_retries: 3}\n"
    );
    loads(&text.replace("    retry: {max_retries: 3}\n", ""), &plugins);
}

#[test]
fn the_whitelist_of_go_plugins() {
    assert_eq!(
        found(WHITELIST, &[]),
        [
            "config.yaml:2:1: `version` is not a known section (did you mean `service.version`?)",
            "config.yaml:3:1: `plugins`: expected a map, found a list (write each under its name: `auth-service: {..}`)",
        ]
    );
    let plugins = [
        plugin::<NoConfig>("auth-service"),
        plugin::<NoConfig>("payment-service"),
    ];
    let (text, done) = mended(WHITELISTED, &plugins);
    assert_eq!(done.len(), 4, "{done:#?}");
    assert_eq!(
        found(&text, &plugins),
        [
            "config.yaml:4:5: `metadata` is not a known key of `plugins.auth-service` (known here: `enabled`, `required`, `use`, `priority`, `points`, `deadlines`, `limits`, `tags`, `config`)"
        ]
    );
    let (before, after) = text.split_once("    metadata:").unwrap();
    let (_, after) = after.split_once("      \n").unwrap();
    loads(&format!("{before}{after}"), &plugins);
}

#[test]
fn enrichment() {
    assert_eq!(
        found(ENRICHMENT, &[]),
        [
            "config.yaml:2:3: the plugin `my_plugin` is in the configuration, but it is not linked (names of plugins have hyphens: `my-plugin`; no linked crate has that either, is one missing in `chassis::link!(..)`?)"
        ]
    );
    let plugins = [plugin::<MyPlugin>("my-plugin")];
    let (text, done) = mended(ENRICHMENT, &plugins);
    assert_eq!(
        done,
        ["config.yaml:2:3: `my_plugin` renamed to `my-plugin`"]
    );
    loads(&text, &plugins);
}

#[test]
fn marty() {
    let tracing = plugin::<Tracing>("request-tracing");
    let moved = |place: &str, plugin: &str, key: &str| {
        format!(
            "config.yaml:{place}:5: `{key}`: the plugin's own settings go under `config:` (move it to `plugins.{plugin}.config.{key}`)"
        )
    };
    let unlinked = |place: &str, plugin: &str| {
        format!(
            "config.yaml:{place}:3: the plugin `{plugin}` is in the configuration, but it is not linked (no linked crate has it; is one missing in `chassis::link!(..)`?)"
        )
    };
    assert_eq!(
        found(MARTY, std::slice::from_ref(&tracing)),
        [
            "config.yaml:3:3: `plugins.directories`: plugins are linked, not loaded from directories (remove it, and name the crate of each plugin in `chassis::link!(..)`)".to_owned(),
            unlinked("8", "jwt-authentication"),
            moved("9", "jwt-authentication", "jwt_secret"),
            moved("10", "jwt-authentication", "jwt_algorithm"),
            moved("11", "jwt-authentication", "token_expiry"),
            moved("14", "request-tracing", "correlation_header"),
            moved("15", "request-tracing", "timing_header"),
            unlinked("17", "custom-metrics"),
            moved("18", "custom-metrics", "collection_interval"),
            moved("19", "custom-metrics", "export_format"),
        ]
    );
    let plugins = [
        tracing,
        plugin::<Jwt>("jwt-authentication"),
        plugin::<CustomMetrics>("custom-metrics"),
    ];
    let (text, done) = mended(MARTY, &plugins);
    assert_eq!(done.len(), 7, "{done:#?}");
    let (directories, rest) = text
        .split_once("  # Plugin-specific configuration\n")
        .unwrap();
    assert_eq!(
        directories,
        "# config.yaml\nplugins:\n  directories:\n    - \"./plugins\"\n    - \"./custom_plugins\"\n\n"
    );
    assert_eq!(
        rest,
        r#"  jwt-authentication:
    config:
      jwt_secret: "your-secret-key"
      jwt_algorithm: "HS256"
      token_expiry: 3600

  request-tracing:
    config:
      correlation_header: "X-Correlation-ID"
      timing_header: "X-Processing-Time"

  custom-metrics:
    config:
      collection_interval: 30
      export_format: "prometheus"
"#
    );
    loads(&format!("plugins:\n{rest}"), &plugins);
}

#[test]
fn what_any_file_may_have() {
    let text = "\
sever:
  listen: 127.0.0.1:0
max_plugins: 3   # enough
plugins:
  one:
    enabled: yes # on
    priority: \"10\"
    points:
      middleware.pre_request: 5
    name: one
    corelation_header: X
    timing_header: Y
  Request_Tracing: true
";
    let plugins = [
        plugin::<Tracing>("one"),
        plugin::<NoConfig>("request-tracing"),
    ];
    let (text, _) = mended(text, &plugins);
    assert_eq!(
        text,
        "\
server:
  listen: 127.0.0.1:0
admission:
  max_plugins: 3   # enough
plugins:
  one:
    enabled: true # on
    priority: 10
    points:
      middleware.pre_request: {priority: 5}
    config:
      correlation_header: X
      timing_header: Y
  request-tracing: {enabled: true}
"
    );
    loads(&text, &plugins);
}

#[test]
fn what_may_be_meant_is_left_alone() {
    // A plugin that is not linked yet, settings of a plugin that says nothing of its own, and no slip of the hand.
    let text = "\
plugins:
  one-2: {}
  free:
    executable: x
  one:
    priorty: 3
    pots: {}
";
    let plugins = [
        plugin::<Tracing>("one"),
        plugin::<serde_json::Map<String, serde_json::Value>>("free"),
    ];
    let (mended, done) = mended(text, &plugins);
    assert!(
        mended.contains("one-2: {}") && mended.contains("executable: x"),
        "{done:#?}"
    );
    assert!(
        mended.contains("priority: 3") && mended.contains("pots: {}"),
        "{done:#?}"
    );
}

#[test]
fn an_empty_use_is_told() {
    let text = "plugins:\n  other:\n    use: ''\n";
    assert_eq!(
        found(text, &[plugin::<NoConfig>("one")]),
        ["config.yaml:3:10: `plugins.other.use`: it is empty"]
    );
}
