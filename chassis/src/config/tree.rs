//! A configuration as a tree in which every value knows where it comes from.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::{Number, Value};

/// A value and its origin.
#[derive(Clone)]
pub(crate) struct Tree {
    /// The value itself.
    pub(crate) node: Node,
    /// Where it is written.
    pub(crate) origin: Origin,
    /// Where the key is written under which it stands: for "unknown key", and for maps, whose own
    /// place would be that of their first key, a line too low.
    pub(super) key: Option<Origin>,
    /// The text it was read from, if only its reader knows whether that is a number: the
    /// environment has no quotes that tell the string `1.0` from the number.
    pub(super) text: Option<Arc<str>>,
}

/// What a value is. Numbers are JSON's, so that integers stay exact.
#[derive(Clone)]
pub(crate) enum Node {
    /// Nothing: a key without a value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer or a float.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    List(Vec<Tree>),
    /// A map; sorted, so that nothing depends on how a file is arranged.
    Map(BTreeMap<String, Tree>),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said anything.
    Default,
    /// A file, or a text with a name: `config.yaml:12:7`.
    File {
        /// As it was named.
        name: Arc<str>,
        /// From 1; 0 if it is not known.
        line: u64,
        /// From 1; 0 if it is not known.
        column: u64,
    },
    /// A reference in a file: `config.yaml:12:7 (${PORT})`.
    Reference {
        /// Where it stands.
        at: Arc<Self>,
        /// What it names.
        to: Reference,
    },
    /// A plugin that gives configuration: `config-directory /etc/orders/server.listen`.
    Source {
        /// As the source calls it.
        place: Arc<str>,
        /// Whether it gave it as a secret.
        is_secret: bool,
    },
    /// An environment variable: `environment CHASSIS__SERVER__LISTEN`.
    Environment(Arc<str>),
    /// The arguments of the program: `--set server.listen`.
    Argument(Arc<str>),
    /// An operator, while the service runs.
    Management,
    /// The program.
    Code,
}

/// What a reference names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// A variable: `${PORT}`.
    Variable(Arc<str>),
    /// A file, for secrets: `${file:/run/secrets/password}`.
    File(Arc<str>),
}

/// Keys and origins, but no values: some of them are secrets, and nobody can tell which.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Map(entries) => f.debug_map().entries(entries).finish(),
            _ => write!(f, "{} ({})", self.kind(), self.origin),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line: 0, .. } => f.write_str(name),
            Self::File { name, line, column } => write!(f, "{name}:{line}:{column}"),
            Self::Reference { at, to } => write!(f, "{at} ({to})"),
            Self::Source { place, .. } => f.write_str(place),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Argument(path) => write!(f, "--set {path}"),
            Self::Management => f.write_str("management"),
            Self::Code => f.write_str("code"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${{{name}}}"),
            Self::File(path) => write!(f, "${{file:{path}}}"),
        }
    }
}

impl Origin {
    /// Whether what comes from there is not for everybody's eyes.
    pub(crate) fn is_secret(&self) -> bool {
        match self {
            Self::Reference { to, .. } => matches!(to, Reference::File(_)),
            Self::Source { is_secret, .. } => *is_secret,
            _ => false,
        }
    }

    /// Line and column, if it is a place in a file.
    pub(super) fn in_file(&self) -> Option<(u64, u64)> {
        match self {
            Self::File { line, column, .. } => Some((*line, *column)),
            _ => None,
        }
    }

    /// Whether the text of the value stands elsewhere, so that repeating it would tell what is there.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(
            self,
            Self::Reference { .. } | Self::Source { .. } | Self::Environment(_)
        )
    }
}

impl Tree {
    pub(super) fn new(node: Node, origin: Origin) -> Self {
        Self {
            node,
            origin,
            key: None,
            text: None,
        }
    }

    /// A map with nothing in it.
    pub(super) fn empty(origin: Origin) -> Self {
        Self::new(Node::Map(BTreeMap::new()), origin)
    }

    /// A JSON value, all of one origin.
    pub(super) fn from_json(value: Value, origin: &Origin) -> Self {
        let node = match value {
            Value::Null => Node::Null,
            Value::Bool(value) => Node::Bool(value),
            Value::Number(value) => Node::Number(value),
            Value::String(value) => Node::String(value),
            Value::Array(items) => Node::List(
                items
                    .into_iter()
                    .map(|item| Self::from_json(item, origin))
                    .collect(),
            ),
            Value::Object(entries) => Node::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, Self::from_json(value, origin)))
                    .collect(),
            ),
        };
        Self::new(node, origin.clone())
    }

    /// The same, as if all of it were from there.
    pub(super) fn all_from(self, origin: &Origin) -> Self {
        let node = match self.node {
            Node::List(items) => Node::List(
                items
                    .into_iter()
                    .map(|item| item.all_from(origin))
                    .collect(),
            ),
            Node::Map(entries) => Node::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, value.all_from(origin)))
                    .collect(),
            ),
            node => node,
        };
        Self::new(node, origin.clone())
    }

    /// As JSON, without the origins.
    pub(crate) fn to_json(&self) -> Value {
        match &self.node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(value) => Value::Number(value.clone()),
            Node::String(value) => Value::String(value.clone()),
            Node::List(items) => items.iter().map(Self::to_json).collect(),
            Node::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.clone(), value.to_json()))
                .collect(),
        }
    }

    /// Whether both say the same, wherever it is written: moving a line is no change.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (&self.node, &other.node) {
            (Node::Null, Node::Null) => true,
            (Node::Bool(a), Node::Bool(b)) => a == b,
            (Node::Number(a), Node::Number(b)) => a == b && self.text == other.text,
            (Node::String(a), Node::String(b)) => a == b,
            (Node::List(a), Node::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Node::Map(a), Node::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|((ka, a), (kb, b))| ka == kb && a.same(b))
            }
            _ => false,
        }
    }

    /// Lays `upper` over this: maps are merged deeply, everything else is replaced, lists too. (Which
    /// of two lists' items belong together, nobody can know.)
    pub(super) fn merge(&mut self, upper: Self) {
        match (&mut self.node, upper.node) {
            (Node::Map(lower), Node::Map(entries)) => {
                // A map is where it was first written; what is added from above says so itself.
                if self.origin == Origin::Default {
                    self.origin = upper.origin;
                    self.key = upper.key;
                }
                for (key, value) in entries {
                    match lower.get_mut(&key) {
                        Some(below) => below.merge(value),
                        None => _ = lower.insert(key, value),
                    }
                }
            }
            // `plugins:` with every line below it commented out takes nothing away.
            (Node::Map(_), Node::Null) => {}
            (_, node) => *self = Self { node, ..upper },
        }
    }

    /// Lays one value over this, at a path; the maps on the way are made if they are not there.
    pub(super) fn set(&mut self, path: &[String], value: Self) {
        let upper = path.iter().rev().fold(value, |value, key| {
            let origin = value.origin.clone();
            Self::new(Node::Map(BTreeMap::from([(key.clone(), value)])), origin)
        });
        self.merge(upper);
    }

    /// The value under a key, if this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// The value at a path of keys.
    pub(crate) fn lookup(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// Takes a value out, if it is there.
    pub(super) fn remove(&mut self, path: &[String]) -> Option<Self> {
        let (last, way) = path.split_last()?;
        let map = way
            .iter()
            .try_fold(self, |tree, key| tree.as_map_mut()?.get_mut(key))?;
        map.as_map_mut()?.remove(last)
    }

    /// The entries, if this is a map.
    pub(crate) fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        match &self.node {
            Node::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text, if this may be one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match (&self.text, &self.node) {
            (Some(text), _) => Some(text),
            (None, Node::String(text)) => Some(text),
            _ => None,
        }
    }

    fn as_map_mut(&mut self) -> Option<&mut BTreeMap<String, Self>> {
        match &mut self.node {
            Node::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The place to name when something is wrong with this.
    pub(crate) fn place(&self) -> &Origin {
        match (&self.node, &self.key) {
            (Node::Map(_) | Node::List(_) | Node::Null, Some(key)) => key,
            _ => &self.origin,
        }
    }

    /// The place to name when something is wrong with the key.
    pub(crate) fn key_place(&self) -> &Origin {
        self.key.as_ref().unwrap_or(&self.origin)
    }

    /// What it is, for "expected a string, found ..".
    pub(super) fn kind(&self) -> &'static str {
        match &self.node {
            Node::Null => "nothing",
            Node::Bool(_) => "a boolean",
            Node::Number(number) if number.is_f64() => "a float",
            Node::Number(_) => "an integer",
            Node::String(_) => "a string",
            Node::List(_) => "a list",
            Node::Map(_) => "a map",
        }
    }
}
