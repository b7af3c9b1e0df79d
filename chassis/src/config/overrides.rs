//! What operators change while the service runs, without a file.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use super::tree::{Origin, Tree};

/// A layer over the arguments and under the program. A restart forgets it.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Overrides {
    said: Map<String, Value>,
    /// What `config.local.yaml`, the layer below, is about to hold; by default what it holds.
    pub(super) staged: Option<Arc<str>>,
}

impl Overrides {
    /// Of a map.
    pub(super) fn of(value: Value) -> Self {
        let said = match value {
            Value::Object(said) => said,
            _ => Map::new(),
        };
        Self { said, staged: None }
    }

    pub(super) fn values(&self) -> &Map<String, Value> {
        &self.said
    }

    /// The same, as it would be if `config.local.yaml` held this.
    #[must_use]
    pub(crate) fn staged(self, text: Arc<str>) -> Self {
        Self {
            staged: Some(text),
            ..self
        }
    }

    /// The same, over `config.local.yaml` as it is.
    #[must_use]
    pub(crate) fn unstaged(self) -> Self {
        Self {
            staged: None,
            ..self
        }
    }

    /// Sets one value.
    pub(crate) fn set(&mut self, path: &[&str], value: Value) {
        *self.at(path) = value;
    }

    /// Lays a patch over what was said at a path before: maps are merged, `null` takes back what was said (RFC 7396, of
    /// this layer alone: what the files say can't be taken away, only replaced).
    pub(crate) fn patch(&mut self, path: &[&str], patch: &Value) {
        let value = self.at(path);
        merge(value, patch);
        if is_empty(value) {
            self.clear(path);
        }
    }

    /// Takes back everything that was said at or below a path.
    pub(crate) fn clear(&mut self, path: &[&str]) {
        clear(&mut self.said, path);
    }

    /// Takes back what was said, below a path, of anything that a patch speaks of.
    pub(crate) fn uncover(&mut self, path: &[&str], patch: &Value) {
        let mut value = Some(&mut self.said);
        for key in path {
            value = value.and_then(|map| map.get_mut(*key)?.as_object_mut());
        }
        if let (Some(said), Some(patch)) = (value, patch.as_object()) {
            uncover(said, patch);
            if said.is_empty() {
                self.clear(path);
            }
        }
    }

    fn at(&mut self, path: &[&str]) -> &mut Value {
        let (first, rest) = match path {
            [first, rest @ ..] => (*first, rest),
            // There is no value above all sections.
            [] => ("", path),
        };
        let mut value = self.said.entry(first).or_insert(Value::Null);
        for key in rest {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            value = &mut value[*key];
        }
        value
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::from_json(Value::Object(self.said.clone()), &Origin::Management)
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

/// Removes what is at a path, and the maps on the way that have nothing else in them.
fn clear(map: &mut Map<String, Value>, path: &[&str]) {
    match path {
        [] => map.clear(),
        [last] => _ = map.remove(*last),
        [first, rest @ ..] => {
            if let Some(inside) = map.get_mut(*first).and_then(Value::as_object_mut) {
                clear(inside, rest);
                if inside.is_empty() {
                    map.remove(*first);
                }
            }
        }
    }
}

fn uncover(said: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, patch) in patch {
        let inside = said.get_mut(key).and_then(Value::as_object_mut);
        if let (Some(inside), Some(patch)) = (inside, patch.as_object()) {
            uncover(inside, patch);
            if !inside.is_empty() {
                continue;
            }
        }
        said.remove(key);
    }
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    for (key, patch) in patch {
        match (patch, value.as_object_mut()) {
            (Value::Null, Some(map)) => _ = map.remove(key),
            _ => merge(&mut value[key], patch),
        }
    }
}

/// Without the values.
impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.said.keys()).finish()
    }
}
