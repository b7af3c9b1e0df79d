//! What a schema can demand of a list and its items, of a map and its entries.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::{Map, Value};

use super::{
    super::{
        environment,
        tree::{Node, Origin, Tree},
    },
    Checker, Violation, list,
    scalar::{count, plural},
    table,
};
use crate::text::{did_you_mean, quoted};

impl<'s> Checker<'s> {
    pub(super) fn list(
        &mut self,
        tree: &Tree,
        items: &[Tree],
        words: &'s Map<String, Value>,
        out: &mut Vec<Violation>,
    ) {
        self.size(
            tree,
            items.len(),
            words,
            ("minItems", "maxItems", "item"),
            out,
        );
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = of_item(index, words) {
                self.child(index, item, schema, out);
            }
        }
        if words.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut first = BTreeMap::new();
            for (index, item) in items.iter().enumerate() {
                match first.entry(item.to_json().to_string()) {
                    Entry::Vacant(entry) => _ = entry.insert(index),
                    Entry::Occupied(entry) => {
                        self.path.push(index.into());
                        let message = format!("it is the same as item {}", entry.get());
                        out.push(self.violation(item, message));
                        self.path.pop();
                    }
                }
            }
        }
    }

    pub(super) fn map(
        &mut self,
        tree: &Tree,
        entries: &BTreeMap<String, Tree>,
        words: &'s Map<String, Value>,
        out: &mut Vec<Violation>,
    ) {
        let limits = ("minProperties", "maxProperties", "key");
        self.size(tree, entries.len(), words, limits, out);
        for (key, value) in entries {
            if self.strict && matches!(value.node, Node::Null) {
                continue;
            }
            let name = meant(key, value, words);
            if name != key && entries.contains_key(name) {
                // What was set under the exact key came from above the environment.
                continue;
            }
            if let Some(schema) = words.get("propertyNames") {
                self.name(key, value, schema, out);
            }
            let mut known = false;
            if let Some(schema) = words.get("properties").and_then(|known| known.get(name)) {
                known = true;
                self.child(key, value, schema, out);
            }
            for (pattern, schema) in table(words, "patternProperties") {
                // If nobody can tell whether it matches, it is at least no unknown key.
                let matches = self.patterns.matches(pattern, name);
                known |= matches != Some(false);
                if matches == Some(true) {
                    self.child(key, value, schema, out);
                }
            }
            match words.get("additionalProperties") {
                Some(Value::Bool(false)) if !known => {
                    out.push(self.unknown(key, value, help(key, words)));
                }
                Some(schema) if !known => self.child(key, value, schema, out),
                _ => {}
            }
        }
        for name in list(words, "required").iter().filter_map(Value::as_str) {
            let is_there = entries.iter().any(|(key, value)| {
                let absent = self.strict && matches!(value.node, Node::Null);
                !absent && (key == name || means(key, value, name))
            });
            if !is_there {
                out.push(self.missing(name, tree));
            }
        }
    }

    fn size(
        &self,
        tree: &Tree,
        size: usize,
        words: &Map<String, Value>,
        (minimum, maximum, what): (&str, &str, &str),
        out: &mut Vec<Violation>,
    ) {
        let size = size as u64;
        if let Some(least) = count(words, minimum).filter(|least| size < *least) {
            let message = format!("expected at least {}, found {size}", plural(least, what));
            out.push(self.violation(tree, message));
        }
        if let Some(most) = count(words, maximum).filter(|most| size > *most) {
            let message = format!("expected at most {}, found {size}", plural(most, what));
            out.push(self.violation(tree, message));
        }
    }

    /// The key itself as a value.
    fn name(&mut self, key: &str, value: &Tree, schema: &'s Value, out: &mut Vec<Violation>) {
        let name = Tree::new(Node::String(key.to_owned()), value.key_place().clone());
        let mut found = Vec::new();
        self.child(key, &name, schema, &mut found);
        out.extend(found.into_iter().map(|violation| Violation {
            message: match violation.message.strip_prefix("it ") {
                Some(rest) => format!("its key {rest}"),
                None => format!("its key: {}", violation.message),
            },
            ..violation
        }));
    }
}

/// The schema of the items at this place of a list.
pub(super) fn of_item(index: usize, words: &Map<String, Value>) -> Option<&Value> {
    list(words, "prefixItems")
        .get(index)
        .or_else(|| words.get("items"))
}

/// The property that a key means, or the key as it is.
pub(super) fn meant<'k>(key: &'k str, value: &Tree, words: &'k Map<String, Value>) -> &'k str {
    let properties = || table(words, "properties").map(|(name, _)| &**name);
    if properties().any(|name| name == key) {
        return key;
    }
    properties()
        .find(|name| means(key, value, name))
        .unwrap_or(key)
}

/// Whether a key from the environment means this name.
pub(super) fn means(key: &str, value: &Tree, name: &str) -> bool {
    matches!(value.key_place(), Origin::Environment(_)) && environment::matches(key, name)
}

/// What to do about an unknown key.
fn help(key: &str, words: &Map<String, Value>) -> String {
    let known = || table(words, "properties").map(|(name, _)| &**name);
    if let Some(help) = did_you_mean(key, known()) {
        return help;
    }
    let patterns = table(words, "patternProperties").map(|(pattern, _)| &**pattern);
    match (quoted(known()), quoted(patterns)) {
        (known, patterns) if known.is_empty() && patterns.is_empty() => {
            "there are no settings here".to_owned()
        }
        (known, patterns) if known.is_empty() => format!("keys here match {patterns}"),
        (known, _) => format!("known here: {known}"),
    }
}
