//! Documentation from schemas, and that what it says is what was meant.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::*;
use crate::config::manual::{Leaf, leaves, table, yaml};

/// The settings of some plugin.
#[derive(Serialize, JsonSchema)]
#[serde(default)]
struct Shop {
    /// The caches, the nearest first.
    caches: Vec<Cache>,
    /// How log lines look, which is a matter of taste as long as people read them; programs that read
    /// them have a taste of their own. See [`Style`] and [the manual](https://example.com).
    ///
    /// More on this elsewhere. Default: `pretty`.
    style: Style,
    /// Where prices come from.
    source: Option<Source>,
    /// The listener.
    server: Server,
    /// What is where: [a, b].
    places: BTreeMap<String, Cache>,
    prices: BTreeMap<String, u32>,
    #[schemars(extend("writeOnly" = true))]
    password: String,
    /// Headers of each answer.
    headers: BTreeMap<String, Secret>,
    level: Level,
}

/// A cache.
#[derive(Default, Serialize, JsonSchema)]
#[serde(default)]
struct Cache {
    /// In entries. Default: 0.
    size: u64,
    next: Option<Box<Cache>>,
}

#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Style {
    /// For people.
    #[default]
    Pretty,
    #[expect(dead_code, reason = "only its name is used")]
    Json,
}

/// A source.
#[derive(Serialize, JsonSchema)]
struct Source {
    /// Its address.
    #[schemars(extend("format" = "uri"))]
    url: String,
    /// How often.
    #[serde(default = "often")]
    #[schemars(extend("format" = "time-span"))]
    every: String,
    /// How it is asked
    auth: Auth,
}

#[derive(Serialize, JsonSchema)]
struct Auth {
    #[schemars(extend("writeOnly" = true))]
    token: String,
    /// Who asks.
    #[schemars(extend("examples" = ["shop"]))]
    user: Option<String>,
}

fn often() -> String {
    "30s".to_owned()
}

#[derive(Default, Serialize, JsonSchema)]
#[serde(default)]
struct Server {
    /// Address and port. Default: none.
    listen: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(extend("writeOnly" = true))]
struct Secret(String);

#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    #[default]
    Low,
    #[expect(dead_code, reason = "only its schema is used")]
    Custom {
        /// In decibels.
        #[schemars(range(min = -3, max = 3))]
        gain: i8,
    },
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            caches: vec![Cache::default()],
            style: Style::default(),
            source: None,
            server: Server::default(),
            places: BTreeMap::new(),
            prices: BTreeMap::from([("tea".to_owned(), 450), ("a: b".to_owned(), 1)]),
            password: "hunter2".to_owned(),
            headers: BTreeMap::from([("auth".to_owned(), Secret("hunter3".to_owned()))]),
            level: Level::default(),
        }
    }
}

fn shop() -> (Value, Value) {
    let schema = schemars::schema_for!(Shop).to_value();
    (schema, serde_json::to_value(Shop::default()).unwrap())
}

#[test]
fn a_whole_section() {
    let (schema, defaults) = shop();
    let text = yaml(&schema, &defaults, 0);
    let expected = "\
caches: [{size: 0}]              # The caches, the nearest first
# headers:                       # Headers of each answer
level: low
# password:
places: {}                       # What is where: [a, b]
prices: {\"a: b\": 1, tea: 450}

# The listener.
server: {}
  # listen:                      # Address and port

# Where prices come from.
# source:
#   # How it is asked (required)
#   auth:
#     token:                     # (required)
#     user:                      # Who asks
#   every: 30s                   # How often
#   url:                         # Its address (required)

# How log lines look, which is a matter of taste as long as people read them; programs that read
# them have a taste of their own. See `Style` and the manual.
style: pretty
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn a_whole_table() {
    let (schema, _) = shop();
    let text = table(&schema);
    let expected = "\
| key | type | default | what |
|---|---|---|---|
| `caches[].next` | map |  | A cache. |
| `caches[].size` | whole number | `0` | In entries. |
| `headers` | map of string, secret |  | Headers of each answer. |
| `level` | `low` or map | `low` |  |
| `level.custom.gain` | integer from -3 to 3 | required | In decibels. |
| `password` | string, secret |  |  |
| `places.*.next` | map |  | A cache. |
| `places.*.size` | whole number | `0` | In entries. |
| `prices` | map of whole number | `{\"a: b\": 1, tea: 450}` |  |
| `server.listen` | string |  | Address and port. |
| `source.auth.token` | string, secret | required |  |
| `source.auth.user` | string, as `shop` |  | Who asks. |
| `source.every` | time, as `30s` | `30s` | How often. |
| `source.url` | URI | required | Its address. |
| `style` | one of `json`, `pretty` | `pretty` | How log lines look, which is a matter of taste as long as people read them; programs that read them have a taste of their own. See `Style` and the manual. More on this elsewhere. |
";
    assert_eq!(text, expected, "{text}");
}

#[test]
fn a_leaf() {
    let schema = json!({
        "properties": {"a": {"properties": {"b|c": {
            "oneOf": [{"const": "x", "description": "One."}, {"const": "y"}], "default": "x",
            "description": "Which.\nDefault: one. Or two.\n\n[`A`](b) and [`C`]. Default: `x`",
        }}, "default": {"b|c": "y"}}},
    });
    let leaf = Leaf {
        path: "a.b|c".to_owned(),
        kind: "one of `x`, `y`".to_owned(),
        default: Some(json!("y")),
        description: "Which. Default: one. Or two. `A` and `C`.".to_owned(),
        required: false,
    };
    assert_eq!(leaves(&schema), [leaf]);
    let row =
        "| `a.b\\|c` | one of `x`, `y` | `\"y\"` | Which. Default: one. Or two. `A` and `C`. |\n";
    assert_eq!(table(&schema).lines().last(), Some(row.trim_end()));
}

#[test]
fn it_stands_in_as_far_as_it_is_told() {
    let (schema, defaults) = shop();
    let text = yaml(&schema, &defaults, 4);
    assert!(
        text.lines()
            .all(|line| line.is_empty() || line.starts_with("    "))
    );
    assert!(text.lines().all(|line| line.len() <= 110), "{text}");
}

fn any_defaults() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~]{0,8}",
        "[-+.0-9_a-fox:]{1,6}",
        prop::sample::select(
            &[
                "yes",
                "~",
                "null",
                "1.0",
                "0x1F",
                ".inf",
                "<<",
                "---",
                "...",
                "- a",
                "? a",
                "a: b",
                "a #b",
                "a:",
                "67e55044",
                "2026-01-31"
            ][..]
        )
        .prop_map(ToOwned::to_owned),
    ];
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    let value = scalar.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(text.clone(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    });
    proptest::collection::btree_map(
        ".{0,5}|[a-c]",
        value.prop_filter("nothing is no value", |value| !value.is_null()),
        0..5,
    )
    .prop_map(|map| json!(map))
}

/// A schema of these defaults: the same shape, with words.
fn schema_of(value: &Value, words: &str) -> Value {
    let mut schema = json!({"description": words});
    if let Value::Object(entries) = value {
        let properties = entries.iter().step_by(2);
        schema["properties"] = properties
            .map(|(key, value)| (key.clone(), schema_of(value, words)))
            .collect();
    }
    schema
}

proptest! {
    #[test]
    fn what_it_says_is_what_was_meant(
        defaults in any_defaults(),
        words in "([a-zA-Z`.:# ]{0,12}[\n ]){0,20}",
        indent in 0_usize..4,
    ) {
        let text = yaml(&schema_of(&defaults, &words), &defaults, indent);
        let read = load::parse("config.yaml", &text);
        let read = read.map(|tree| tree.to_json()).map_err(|error| error.to_string());
        prop_assert_eq!(read, Ok(defaults), "{}", text);
    }
}
