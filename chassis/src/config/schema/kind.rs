//! The `type` of a schema: whether a value is of it, and what people call it.

use serde_json::{Map, Value};

use super::super::tree::{Node, Tree};

/// The names in `type`, one or several. None is no demand.
pub(super) fn named(words: &Map<String, Value>) -> Vec<&str> {
    match words.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether the value is of one of the types.
pub(super) fn fits(tree: &Tree, words: &Map<String, Value>) -> bool {
    let names = named(words);
    names.is_empty() || names.iter().any(|name| is(tree, name))
}

/// The text, if this is a string, or may be one: the environment has no quotes.
pub(super) fn text<'t>(tree: &'t Tree, words: &Map<String, Value>) -> Option<&'t str> {
    match (&tree.node, &tree.text) {
        (Node::String(text), _) => Some(text),
        (_, Some(text)) => {
            let names = named(words);
            let other = names.iter().any(|name| *name != "string" && is(tree, name));
            let list = names.is_empty() && matches!(tree.node, Node::List(_) | Node::Map(_));
            (!other && !list).then_some(text)
        }
        _ => None,
    }
}

fn is(tree: &Tree, name: &str) -> bool {
    match (name, &tree.node) {
        ("string", Node::String(_))
        | ("boolean", Node::Bool(_))
        | ("number", Node::Number(_))
        | ("array", Node::List(_))
        | ("object", Node::Map(_))
        | ("null", Node::Null) => true,
        // For JSON Schema 1.0 is one too; the type that it is read into may see that otherwise.
        ("integer", Node::Number(number)) => number
            .as_f64()
            .is_none_or(|value| !number.is_f64() || value.fract() == 0.0),
        // A section without settings: `config: {}`.
        ("null", Node::Map(entries)) => entries.is_empty(),
        ("string", _) => tree.text.is_some(),
        _ => false,
    }
}

/// What the schema wants, in words: `a string or a list`.
pub(super) fn words(schema: &Map<String, Value>) -> String {
    let mut names = named(schema);
    if names.len() > 1 {
        // A key with nothing after it is always accepted, so nobody need be told to write that.
        names.retain(|name| *name != "null");
    }
    let words: Vec<String> = names.iter().map(|name| word(name, schema)).collect();
    words.join(" or ")
}

fn word(name: &str, schema: &Map<String, Value>) -> String {
    let bound = |keyword| schema.get(keyword).and_then(Value::as_i64);
    match name {
        "string" => "a string",
        "boolean" => "a boolean",
        "number" => "a number",
        "array" => "a list",
        "object" => "a map",
        "null" => "nothing",
        "integer" => match (bound("minimum"), bound("maximum")) {
            (Some(least), Some(most)) if least >= 0 => {
                return format!("a whole number from {least} to {most}");
            }
            (Some(0..), None) => "a whole number",
            _ => "an integer",
        },
        other => other,
    }
    .to_owned()
}
