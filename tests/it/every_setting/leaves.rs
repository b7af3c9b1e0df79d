//! The leaves of the schema of a configuration file, as the programs tell it.

use super::guarding;
use crate::command_line::{EVERYTHING, run};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// Every setting there is. What every plugin has is there once, as `plugins.*.enabled`.
pub(super) fn all() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for program in [EVERYTHING, guarding::PROGRAM] {
        let schema = run(program, Path::new("/"), &["config", "--schema"]).out;
        let schema: Value = serde_json::from_str(&schema).expect("it is JSON");
        below(&schema, &schema, &mut Vec::new(), &mut found);
    }
    found
}

/// Whether the path is that of the leaf, which may have a `*` for a key.
pub(super) fn is_at(leaf: &str, path: &str) -> bool {
    let (leaf, path): (Vec<_>, Vec<_>) = (keys(leaf).collect(), keys(path).collect());
    let same = |(leaf, key): (&&str, &&str)| leaf == key || *leaf == "*";
    leaf.len() == path.len() && leaf.iter().zip(&path).all(same)
}

/// The keys of a path; one with dots stands in quotes.
pub(super) fn keys(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('"').enumerate();
    let keys = parts.flat_map(|(index, part)| {
        let is_quoted = index % 2 == 1;
        part.split(if is_quoted { '"' } else { '.' })
    });
    // Between a quote and a dot there is nothing.
    keys.filter(|key| !key.is_empty())
}

fn below<'s>(
    root: &'s Value,
    schema: &'s Value,
    path: &mut Vec<&'s str>,
    found: &mut BTreeSet<String>,
) {
    // The section of a plugin is a schema of its own: what it refers to is in itself.
    let root = if schema.get("$id").is_some() {
        schema
    } else {
        root
    };
    let mut inside = Vec::new();
    children(root, schema, &mut inside);
    for &(key, child) in &inside {
        path.push(key);
        below(root, child, path, found);
        path.pop();
    }
    if inside.is_empty() {
        found.extend(leaf(path));
    }
}

fn leaf(path: &[&str]) -> Option<String> {
    match path {
        // Of a plugin that has none, or is not known.
        ["plugins", _, "config"] => None,
        ["plugins", _, "config", ..] => Some(path.join(".")),
        ["plugins", _, ours @ ..] => Some(format!("plugins.*.{}", ours.join("."))),
        _ => Some(path.join(".")),
    }
}

/// The keys below a schema, in whatever way it says them.
fn children<'s>(root: &'s Value, schema: &'s Value, found: &mut Vec<(&'s str, &'s Value)>) {
    let properties = schema["properties"].as_object().into_iter().flatten();
    found.extend(properties.map(|(key, child)| (&**key, child)));
    for (word, key) in [("additionalProperties", "*"), ("items", "[]")] {
        let Some(child) = schema.get(word).filter(|child| child.is_object()) else {
            continue;
        };
        let mut inside = Vec::new();
        children(root, child, &mut inside);
        // A list of words is a leaf, one of maps is not; under a free key there is always something.
        if !inside.is_empty() || key == "*" {
            found.push((key, child));
        }
    }
    let forms = ["anyOf", "oneOf", "allOf"]
        .iter()
        .filter_map(|word| schema[*word].as_array());
    let reference = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'));
    let referred = reference.map(|place| root.pointer(place).expect("it refers to what is there"));
    for form in forms.flatten().chain(referred) {
        children(root, form, found);
    }
}
