//! Secrets, and what the environment makes of keys and text.

use super::*;

/// `plugins.shop.config`, with variables that set keys below it.
fn set(section: &str, variables: &[(&'static str, &'static str)]) -> Tree {
    let variables = variables
        .iter()
        .map(|(key, value)| (format!("CHASSIS__PLUGINS__SHOP__CONFIG__{key}"), *value));
    let config = yaml(&format!("plugins: {{shop: {{config: {section}}}}}"))
        .environment(variables)
        .build()
        .unwrap();
    config.sections().get("shop").config.unwrap()
}

#[test]
fn the_environment_has_neither_quotes_nor_hyphens() {
    let schema = json!({
        "properties": {
            "api-key": {"type": "string", "pattern": "^\\d", "maxLength": 3},
            "port": {"type": "integer", "maximum": 9},
            "kind": {"type": "string", "enum": ["1.0", "2"]},
            "any": {"oneOf": [{"type": "string"}, {"type": "integer"}], "not": {"type": "string"}},
            "list": {"type": "string", "maxLength": 3},
            "untyped": {"maxLength": 1, "items": {"type": "integer"}},
        },
        "required": ["api-key"],
        "additionalProperties": false,
    });
    let right = [
        ("API_KEY", "1.0"),
        ("PORT", "9"),
        ("KIND", "1.0"),
        ("ANY", "5"),
        ("LIST", "[a]"),
        ("UNTYPED", "[1, 2]"),
    ];
    assert_eq!(violations(&set("{}", &right), &schema), [""; 0]);
    let wrong = [
        ("API_KEY", "1000"),
        ("PORT", "10"),
        ("KIND", "1"),
        ("APIKEY", "5"),
    ];
    let expected = [
        "api_key: it is longer than 3 characters",
        "apikey: `apikey` is not a known key (did you mean `api-key`?)",
        "kind: it is not one of `1.0`, `2`",
        "port: expected at most 9",
    ];
    assert_eq!(violations(&set("{}", &wrong), &schema), expected);
    // A key of the file is what it is.
    assert_eq!(
        violations(&set("{api_key: '1'}", &[]), &schema),
        [
            "api_key: `api_key` is not a known key (did you mean `api-key`?)",
            "api-key: `api-key` is missing (give it a value: `api-key: ..`)",
        ]
    );
}

#[test]
fn secrets_are_found_and_not_told() {
    let secret = json!({"type": "integer", "maximum": 5, "multipleOf": 2, "writeOnly": true});
    let schema = json!({
        "$defs": {"secret": secret, "node": {"properties": {"next": {"$ref": "#/$defs/node"}, "pin": secret}}},
        "properties": {
            "one": {"$ref": "#/$defs/secret"},
            "optional": {"anyOf": [{"$ref": "#/$defs/secret"}, {"type": "null"}]},
            "beside": {"allOf": [{"writeOnly": true}, {"maximum": 5}]},
            "list": {"items": {"oneOf": [{"type": "string"}, secret]}},
            "whole": {"writeOnly": true},
            "node": {"$ref": "#/$defs/node"},
            "open": {"maximum": 5},
            "choice-of": {"enum": ["aaa", "bbb"], "writeOnly": true},
        },
        "patternProperties": {"^x": secret},
        "additionalProperties": secret,
    });
    let tree = tree(
        "{one: 7, optional: 7, beside: 7, list: [7], whole: {a: [7, b], c: }, open: 7, choice-of: aab, \
         node: {next: {next: {pin: 7}}}, x1: 7, other: 7}",
    );
    let expected = [
        "beside",
        "choice-of",
        "list[0]",
        "node.next.next.pin",
        "one",
        "optional",
        "other",
        "whole.a[0]",
        "whole.a[1]",
        "x1",
    ];
    assert_eq!(secret_paths(&tree, &schema), expected);
    let found = violations(&tree, &schema);
    assert_eq!(found.iter().filter(|line| line.contains('7')).count(), 1);
    assert!(found.contains(&"open: it is 7; expected at most 5".to_owned()));
    assert!(found.contains(&"beside: expected at most 5".to_owned()));
    assert!(found.contains(&"choice-of: it is not one of `aaa`, `bbb`".to_owned()));
}

#[test]
fn a_key_from_the_environment_may_be_a_secret() {
    let schema = json!({"properties": {"api-key": {"writeOnly": true}}});
    assert_eq!(
        secret_paths(&set("{}", &[("API_KEY", "x")]), &schema),
        ["api_key"]
    );
}
