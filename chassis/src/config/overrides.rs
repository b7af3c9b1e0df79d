//! What operators change while the service runs, without a file.

use std::fmt;

use serde_json::{Map, Value};

use super::tree::{Origin, Tree};

/// A layer over the arguments and under the program. A restart forgets it.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Overrides(Map<String, Value>);

impl Overrides {
    /// Sets one value.
    pub(crate) fn set(&mut self, path: &[&str], value: Value) {
        *self.at(path) = value;
    }

    /// Lays a patch over what was said at a path before: maps are merged, `null` takes back what was said (RFC 7396, of
    /// this layer alone: what the files say can't be taken away, only replaced).
    pub(crate) fn patch(&mut self, path: &[&str], patch: &Value) {
        merge(self.at(path), patch);
    }

    /// Takes back everything that was said below a path.
    pub(crate) fn clear(&mut self, path: &[&str]) {
        let Some((last, way)) = path.split_last() else {
            return self.0.clear();
        };
        let mut map = &mut self.0;
        for key in way {
            match map.get_mut(*key).and_then(Value::as_object_mut) {
                Some(inside) => map = inside,
                None => return,
            }
        }
        map.remove(*last);
    }

    fn at(&mut self, path: &[&str]) -> &mut Value {
        let (first, rest) = match path {
            [first, rest @ ..] => (*first, rest),
            // There is no value above all sections.
            [] => ("", path),
        };
        let mut value = self.0.entry(first).or_insert(Value::Null);
        for key in rest {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            value = &mut value[*key];
        }
        value
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::from_json(Value::Object(self.0.clone()), &Origin::Management)
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
        f.debug_set().entries(self.0.keys()).finish()
    }
}
