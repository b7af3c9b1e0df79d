//! A tree against a schema: every keyword, what `schemars` writes, the environment, secrets.

use serde_json::Value;

use super::*;
use crate::config::{
    path,
    schema::{Violation, check, secrets},
    tree::Origin,
};

mod keywords;
mod generated;
mod secrets;
mod random;

/// One line per violation: path, message, help.
fn violations(tree: &Tree, schema: &Value) -> Vec<String> {
    let line = |violation: Violation| {
        let path = path::show(violation.path);
        let help = violation.help.map(|help| format!(" ({help})"));
        format!("{path}: {}{}", violation.message, help.unwrap_or_default())
    };
    check(tree, schema).into_iter().map(line).collect()
}

fn tree(yaml: &str) -> Tree {
    load::value(yaml, &Origin::Code).unwrap_or_else(|| panic!("not YAML: {yaml}"))
}

/// What is wrong with the YAML by the schema, both as text; nothing if nothing is.
#[track_caller]
fn expect(schema: &str, yaml: &str, expected: &[&str]) {
    let schema = serde_json::from_str(schema).unwrap();
    assert_eq!(
        violations(&tree(yaml), &schema),
        expected,
        "{schema} {yaml}"
    );
}

fn secret_paths(tree: &Tree, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    secrets(tree, schema, &mut |path, _| {
        found.push(path::show(path.to_vec()));
    });
    found.sort();
    found
}
