//! All keys of a schema, with their types in words.

use serde_json::Value;

use super::{
    kind::{either, kind},
    prose,
    scalar::flow,
    view::View,
};

/// A key below which there are no others.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Leaf {
    /// The way to it: `a.b`, `a.*.c` below keys of the user's choice, `a[].b` in a list of maps.
    pub(in super::super) path: String,
    /// Its type in words: `string`, "one of `a`, `b`", `list of string`.
    pub(in super::super) kind: String,
    /// Its default, if it has one that may be seen.
    pub(in super::super) default: Option<Value>,
    /// What it means.
    pub(in super::super) description: String,
    /// Whether its map can't do without it.
    pub(in super::super) required: bool,
}

/// All leaves of the schema, in the order of its properties.
pub(in super::super) fn leaves(schema: &Value) -> Vec<Leaf> {
    let mut found = Vec::new();
    below(&View::new(schema), "", None, &mut found);
    found
}

/// A Markdown table of all leaves.
pub(in super::super) fn table(schema: &Value) -> String {
    let mut text = "| key | type | default | what |\n|---|---|---|---|\n".to_owned();
    for leaf in leaves(schema) {
        let default = match &leaf.default {
            Some(value) => code(&flow(value)),
            None if leaf.required => "required".to_owned(),
            None => String::new(),
        };
        let cells = [code(&leaf.path), leaf.kind, default, leaf.description];
        // A bar ends a cell even in code.
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

fn code(text: &str) -> String {
    match text.contains('`') {
        true => format!("`` {text} ``"),
        false => format!("`{text}`"),
    }
}

/// The leaves below a map or list, with the value that it has as a whole if nothing is said.
fn below(view: &View<'_>, path: &str, default: Option<&Value>, found: &mut Vec<Leaf>) {
    let join = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    for (key, child) in view.properties() {
        let default = default
            .and_then(|default| default.get(key))
            .or_else(|| child.get("default"));
        add(&child, &join(key), default, view.is_required(key), found);
    }
    if let Some(child) = view.free().filter(has_below) {
        below(&child, &join("*"), None, found);
    }
    if let Some(child) = view.items().filter(has_below) {
        below(&child, &format!("{path}[]"), None, found);
    }
    for form in view.forms() {
        below(&form, path, None, found);
    }
}

fn add(
    view: &View<'_>,
    path: &str,
    default: Option<&Value>,
    required: bool,
    found: &mut Vec<Leaf>,
) {
    let has_below = !view.is_secret() && has_below(view);
    // Some of its forms may be a word: `hs256`, or a map with `custom`.
    if !has_below || !view.forms().iter().all(self::has_below) {
        let kind = kind(view);
        // The same key in several forms of a map is one: that which tells them apart.
        if let Some(same) = found.iter_mut().find(|leaf| leaf.path == path) {
            same.kind = either(&[&same.kind, &kind]);
            return;
        }
        found.push(Leaf {
            path: path.to_owned(),
            kind,
            default: default
                .filter(|value| !value.is_null() && view.secrets(value).is_empty())
                .cloned(),
            description: prose::paragraphs(view.description()).join(" "),
            required,
        });
    }
    if has_below {
        below(view, path, default, found);
    }
}

/// Whether there are keys below it that the schema names.
fn has_below(view: &View<'_>) -> bool {
    !view.properties().is_empty()
        || view.free().is_some_and(|child| has_below(&child))
        || view.items().is_some_and(|child| has_below(&child))
        || view.forms().iter().any(has_below)
}
