//! The schema that `schemars` writes for a type.

use schemars::JsonSchema;

use super::*;
use crate::config::schema::{Subject, check};

/// The settings of some plugin.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Shop {
    #[schemars(range(min = 1, max = 10))]
    workers: u8,
    #[schemars(length(min = 1), regex(pattern = "^a"))]
    name: String,
    cache: Option<Cache>,
    mode: Mode,
    levels: Vec<Level>,
    by_port: BTreeMap<u16, Cache>,
    prices: BTreeMap<String, u32>,
    #[serde(flatten)]
    limits: Limits,
    #[schemars(extend("writeOnly" = true))]
    password: Option<String>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is used")]
struct Cache {
    size: usize,
    #[serde(default)]
    inner: Option<Box<Cache>>,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Mode {
    /// Nothing is written.
    ReadOnly,
    Full,
    Custom {
        name: String,
    },
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Level {
    Low,
    High,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Limits {
    #[serde(default)]
    max_body: u64,
}

fn shop() -> Value {
    schemars::schema_for!(Shop).to_value()
}

#[test]
fn what_schemars_writes() {
    let right = "\
workers: 3
name: ab
cache: {size: 1, inner: {size: 2}}
mode: read_only
levels: [low, high]
by_port: {80: {size: 1}, 81: }
prices: {tea: 450}
max_body: 5
password: x
";
    assert_eq!(violations(&tree(right), &shop()), [""; 0]);
    let wrong = "\
workers: 11
name: ''
cache: {size: -1, inner: {sise: 2}}
mode: {custom: {}}
levels: [low, hihg, 3]
by_port: {a: {size: 1}}
prices: {tea: 4.5}
max_bdy: 5
password: 12
";
    let expected = [
        "by_port.a: `a` is not a known key (keys here match `^\\d+$`)",
        "cache.inner.sise: `sise` is not a known key (did you mean `size`?)",
        "cache.inner.size: `size` is missing (give it a value: `size: ..`)",
        "cache.size: it is -1; expected at least 0",
        "levels[1]: it is not one of `low`, `high` (did you mean `high`?)",
        "levels[2]: expected a string, found an integer (write it in quotes)",
        "max_bdy: `max_bdy` is not a known key (did you mean `max_body`?)",
        "mode.custom.name: `name` is missing (give it a value: `name: ..`)",
        "name: it is empty",
        "name: it does not match the pattern `^a`",
        "password: expected a string, found an integer (write it in quotes)",
        "prices.tea: expected a whole number, found a float",
        "workers: it is 11; expected a whole number from 1 to 10",
    ];
    let found = violations(&tree(wrong), &shop());
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn places() {
    let text = "a:\n  name: ab\n  wrokers: 1\n";
    let tree = load::parse("config.yaml", text).unwrap();
    let found = check(tree.get("a").unwrap(), &shop());
    let place = |subject, key: &str| {
        let mut found = found.iter();
        let found = found.find(|one| one.subject == subject && one.path == [key.into()]);
        found.map(|one| one.origin.to_string()).unwrap_or_default()
    };
    assert_eq!(place(Subject::UnknownKey, "wrokers"), "config.yaml:3:3");
    assert_eq!(place(Subject::MissingKey, "workers"), "config.yaml:1:1");
}
