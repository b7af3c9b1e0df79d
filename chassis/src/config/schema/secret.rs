//! The values that a schema calls secret: `writeOnly`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    super::{
        path::Step,
        tree::{Node, Tree},
    },
    MAX_DEPTH,
    inside::{meant, of_item},
    list,
    pattern::Patterns,
    resolve, table,
};

/// A schema that says nothing.
static ANY: Value = Value::Bool(true);

/// Calls `found` with the path and value of each leaf that the schema calls secret, whatever lies
/// between; below a secret map or list each leaf is one. A form of a choice counts, whether the
/// value has that form or not: what is hidden needlessly does no harm.
pub(in super::super) fn secrets<'t>(
    tree: &'t Tree,
    schema: &Value,
    found: &mut dyn FnMut(&[Step], &'t Tree),
) {
    secrets_within(schema, tree, schema, found);
}

/// The same for a schema that is a part of another, with whose references it is written.
pub(in super::super) fn secrets_within<'t>(
    root: &Value,
    tree: &'t Tree,
    schema: &Value,
    found: &mut dyn FnMut(&[Step], &'t Tree),
) {
    let mut walk = Walk {
        root,
        patterns: Patterns::default(),
        seen: BTreeSet::new(),
        told: BTreeSet::new(),
        path: Vec::new(),
        depth: 0,
        found,
    };
    walk.visit(tree, schema, false);
}

struct Walk<'s, 't, 'f> {
    root: &'s Value,
    patterns: Patterns<'s>,
    /// What was looked at already: a value, by a schema, with its being secret.
    seen: BTreeSet<(*const Tree, *const Value, bool)>,
    told: BTreeSet<*const Tree>,
    path: Vec<Step>,
    depth: usize,
    found: &'f mut dyn FnMut(&[Step], &'t Tree),
}

impl<'s, 't> Walk<'s, 't, '_> {
    fn visit(&mut self, tree: &'t Tree, schema: &'s Value, secret: bool) {
        // Where it gives up, it hides.
        let (schema, secret) = match self.depth {
            MAX_DEPTH.. => (&ANY, true),
            _ => (
                schema,
                secret || schema.get("writeOnly") == Some(&Value::Bool(true)),
            ),
        };
        if !self.seen.insert((tree, schema, secret)) {
            return;
        }
        let words = schema.as_object();
        self.depth += 1;
        // What stands in brackets in a variable may be a list or a text: as a secret it is hidden as a whole.
        let is_text = secret && tree.text.is_some();
        match &tree.node {
            Node::Null => {}
            _ if is_text && self.told.insert(tree) => (self.found)(&self.path, tree),
            Node::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    let schema = words.and_then(|words| of_item(index, words));
                    self.child(index, item, schema, secret);
                }
            }
            Node::Map(entries) => self.map(entries, words, secret),
            _ if secret && self.told.insert(tree) => (self.found)(&self.path, tree),
            _ => {}
        }
        if let Some(words) = words {
            let referenced = words.get("$ref").and_then(Value::as_str);
            let referenced = referenced.and_then(|reference| resolve(self.root, reference));
            let conditional = ["then", "else"]
                .into_iter()
                .filter_map(|word| words.get(word));
            let forms = ["allOf", "anyOf", "oneOf"];
            let forms = forms.into_iter().flat_map(|keyword| list(words, keyword));
            for schema in referenced.into_iter().chain(conditional).chain(forms) {
                self.visit(tree, schema, secret);
            }
        }
        self.depth -= 1;
    }

    fn map(
        &mut self,
        entries: &'t BTreeMap<String, Tree>,
        words: Option<&'s Map<String, Value>>,
        secret: bool,
    ) {
        for (key, value) in entries {
            let mut known = false;
            if let Some(words) = words {
                let name = meant(key, value, words);
                let property = words.get("properties").and_then(|all| all.get(name));
                let matching = table(words, "patternProperties")
                    .filter(|(pattern, _)| self.patterns.matches(pattern, name) != Some(false));
                let mut schemas: Vec<&Value> = matching.map(|(_, schema)| schema).collect();
                schemas.extend(property);
                if schemas.is_empty() {
                    schemas.extend(words.get("additionalProperties"));
                }
                known = !schemas.is_empty();
                for schema in schemas {
                    self.child(key, value, Some(schema), secret);
                }
            }
            if !known {
                self.child(key, value, None, secret);
            }
        }
    }

    fn child(
        &mut self,
        step: impl Into<Step>,
        tree: &'t Tree,
        schema: Option<&'s Value>,
        secret: bool,
    ) {
        self.path.push(step.into());
        self.visit(tree, schema.unwrap_or(&ANY), secret);
        self.path.pop();
    }
}
