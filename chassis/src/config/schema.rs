//! A tree against a JSON Schema: all in which it breaks it, each with path and place.
//!
//! serde stops at the first fault, and knows neither ranges nor patterns. The last word stays with it:
//! keywords that are not known here say nothing, and neither does a key with nothing after it.

use std::{collections::BTreeSet, mem};

use serde_json::{Map, Value};

use super::{
    hint::Hint,
    path::Step,
    tree::{Node, Origin, Tree},
};
use pattern::Patterns;

mod secret;
mod choice;
mod inside;
mod scalar;
mod format;
mod kind;
mod pattern;
mod reference;

pub(super) use reference::resolve;
pub(super) use secret::{secrets, secrets_within};

/// Deeper than any settings.
const MAX_DEPTH: usize = 64;

/// More than any settings need. Choices within choices can take time that doubles with every level.
const MAX_STEPS: usize = 500_000;

/// One way in which the value breaks the schema.
#[derive(Debug)]
pub(super) struct Violation {
    /// The way to the value, or to the key that is not known or not there.
    pub(super) path: Vec<Step>,
    /// The place of the value or of the unknown key; of a missing one, that of its map.
    pub(super) origin: Origin,
    /// What it is about.
    pub(super) subject: Subject,
    /// What is wrong. It never tells a string of the value, which may be a secret.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: Option<String>,
}

/// What a violation is about: the errors of each have a form of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The value at the path.
    Value,
    /// The last key of the path, which is not known.
    UnknownKey,
    /// The last key of the path, which is not there.
    MissingKey,
}

/// Everything in which the value breaks the schema.
pub(super) fn check(tree: &Tree, schema: &Value) -> Vec<Violation> {
    let mut secret = BTreeSet::new();
    secrets(tree, schema, &mut |_, leaf| {
        secret.insert(std::ptr::from_ref(leaf));
    });
    let mut checker = Checker {
        root: schema,
        secret,
        patterns: Patterns::default(),
        path: Vec::new(),
        following: Vec::new(),
        depth: 0,
        steps: 0,
        cut: false,
        strict: false,
    };
    let mut found = Vec::new();
    checker.visit(tree, schema, &mut found);
    found
}

struct Checker<'s> {
    root: &'s Value,
    /// The leaves of which not even a number is told.
    secret: BTreeSet<*const Tree>,
    patterns: Patterns<'s>,
    /// Where it is.
    path: Vec<Step>,
    /// The references that led to this schema for this value.
    following: Vec<&'s str>,
    depth: usize,
    steps: usize,
    /// Whether it has given up on something. Then "it fits" is no more than "nothing was found".
    cut: bool,
    /// Whether nothing is nothing, as JSON Schema has it. Where the schema asks instead of demanding
    /// ("if this fits, .."), "accepted for now" would be the wrong answer.
    strict: bool,
}

impl<'s> Checker<'s> {
    fn visit(&mut self, tree: &Tree, schema: &'s Value, out: &mut Vec<Violation>) {
        // From a variable it may be a text: "", or "null".
        let names = schema.as_object().map(kind::named).unwrap_or_default();
        let may_be_text = tree.text.is_some() && (names.is_empty() || names.contains(&"string"));
        if matches!(tree.node, Node::Null) && !self.strict && !may_be_text {
            return;
        }
        if self.depth == MAX_DEPTH || self.steps == MAX_STEPS {
            self.cut = true;
            return;
        }
        self.depth += 1;
        self.steps += 1;
        match schema {
            Value::Bool(false) => out.push(self.violation(tree, "nothing can be set here")),
            Value::Object(words) => self.words(tree, words, out),
            _ => {}
        }
        self.depth -= 1;
    }

    fn words(&mut self, tree: &Tree, words: &'s Map<String, Value>, out: &mut Vec<Violation>) {
        if !kind::fits(tree, words) {
            // What else is wrong with a value of the wrong type, nobody wants to know.
            return self.mistyped(tree, words, out);
        }
        self.scalar(tree, words, out);
        match &tree.node {
            Node::List(items) => self.list(tree, items, words, out),
            Node::Map(entries) => self.map(tree, entries, words, out),
            _ => {}
        }

        if let Some(reference) = words.get("$ref").and_then(Value::as_str) {
            self.follow(tree, reference, out);
        }
        for schema in list(words, "allOf") {
            self.visit(tree, schema, out);
        }
        if let Some(Value::Array(branches)) = words.get("anyOf") {
            self.choice(tree, branches, false, out);
        }
        if let Some(Value::Array(branches)) = words.get("oneOf") {
            self.choice(tree, branches, true, out);
        }
        if let Some(schema) = words.get("not")
            && self.fits(tree, schema)
            && !self.cut
            && tree.text.is_none()
        {
            out.push(self.violation(tree, "this value is not allowed here"));
        }
        if let Some(schema) = words.get("if") {
            let then = if self.fits(tree, schema) {
                "then"
            } else {
                "else"
            };
            if let Some(schema) = words.get(then) {
                self.visit(tree, schema, out);
            }
        }
    }

    fn follow(&mut self, tree: &Tree, reference: &'s str, out: &mut Vec<Violation>) {
        // One that leads back to itself without a step into the value says nothing.
        if self.following.contains(&reference) {
            self.cut = true;
            return;
        }
        if let Some(schema) = resolve(self.root, reference) {
            self.following.push(reference);
            self.visit(tree, schema, out);
            self.following.pop();
        }
    }

    /// One step into the value.
    fn child(
        &mut self,
        step: impl Into<Step>,
        tree: &Tree,
        schema: &'s Value,
        out: &mut Vec<Violation>,
    ) {
        let following = mem::take(&mut self.following);
        self.path.push(step.into());
        self.visit(tree, schema, out);
        self.path.pop();
        self.following = following;
    }

    /// What a schema that is not the only one has against the value.
    fn attempt(&mut self, tree: &Tree, schema: &'s Value) -> Vec<Violation> {
        let mut found = Vec::new();
        self.visit(tree, schema, &mut found);
        found
    }

    /// Whether the value is what the schema describes, with nothing taken for granted.
    fn fits(&mut self, tree: &Tree, schema: &'s Value) -> bool {
        let strict = mem::replace(&mut self.strict, true);
        let found = self.attempt(tree, schema);
        self.strict = strict;
        found.is_empty()
    }

    fn mistyped(&self, tree: &Tree, words: &Map<String, Value>, out: &mut Vec<Violation>) {
        if let (Node::Map(entries), ["null"]) = (&tree.node, &kind::named(words)[..]) {
            for (key, value) in entries {
                out.push(self.unknown(key, value, "there are no settings here".to_owned()));
            }
            return;
        }
        out.push(self.expected(tree, &kind::words(words)));
    }

    /// "Expected one thing, found another."
    fn expected(&self, tree: &Tree, what: &str) -> Violation {
        let message = format!("{what}, found {}", tree.kind());
        Violation {
            help: Hint::new(what, tree).help,
            ..self.violation(tree, format!("expected {message}"))
        }
    }

    fn violation(&self, tree: &Tree, message: impl Into<String>) -> Violation {
        Violation {
            path: self.path.clone(),
            origin: tree.place().clone(),
            subject: Subject::Value,
            message: message.into(),
            help: None,
        }
    }

    fn unknown(&self, key: &str, value: &Tree, help: String) -> Violation {
        Violation {
            path: self.path.iter().cloned().chain([key.into()]).collect(),
            origin: value.key_place().clone(),
            subject: Subject::UnknownKey,
            message: format!("`{key}` is not a known key"),
            help: Some(help),
        }
    }

    fn missing(&self, key: &str, map: &Tree) -> Violation {
        Violation {
            path: self.path.iter().cloned().chain([key.into()]).collect(),
            origin: map.place().clone(),
            subject: Subject::MissingKey,
            message: format!("`{key}` is missing"),
            help: Some(format!("give it a value: `{key}: ..`")),
        }
    }
}

/// The schemas, names or values of a keyword that has a list of them.
fn list<'s>(words: &'s Map<String, Value>, keyword: &str) -> &'s [Value] {
    words
        .get(keyword)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The schemas of a keyword that has one for each of several names.
fn table<'s>(
    words: &'s Map<String, Value>,
    keyword: &str,
) -> impl Iterator<Item = (&'s String, &'s Value)> + use<'s> {
    words
        .get(keyword)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}
