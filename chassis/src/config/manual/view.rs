//! A schema as its reader sees it: with what it refers to, and whether it may be left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    super::{
        path::Step,
        schema::{resolve, secrets_within},
        tree::{Origin, Tree},
    },
    prose,
};

/// A type that holds itself ends here, even if no two of its references are the same.
const MAX_DEPTH: usize = 32;

/// A schema together with those that it is made of. The outer ones come first: what a field says of
/// itself is more to the point than what its type says.
#[derive(Clone)]
pub(super) struct View<'s> {
    root: &'s Value,
    layers: Vec<&'s Value>,
    /// The references that led here from the root.
    references: Vec<&'s str>,
    depth: usize,
    /// Whether it is one of the types that it is a part of. Then what is inside was told already.
    again: bool,
}

impl<'s> View<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        let whole = Self {
            root,
            layers: Vec::new(),
            references: Vec::new(),
            depth: 0,
            again: false,
        };
        whole.of(root)
    }

    /// A part of it.
    pub(super) fn of(&self, schema: &'s Value) -> Self {
        let mut view = Self {
            layers: Vec::new(),
            depth: self.depth + 1,
            ..self.clone()
        };
        view.add(schema);
        view
    }

    fn add(&mut self, schema: &'s Value) {
        if self.layers.len() == MAX_DEPTH || self.depth == MAX_DEPTH {
            return;
        }
        self.layers.push(schema);
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str)
            && let Some(target) = resolve(self.root, reference)
        {
            self.again |= self.references.contains(&reference);
            self.references.push(reference);
            self.add(target);
        }
        for part in list(schema, "allOf") {
            self.add(part);
        }
        if let [only] = forms(schema)[..] {
            self.add(only);
        }
    }

    /// Those that tell what is inside.
    fn inside(&self) -> impl Iterator<Item = &'s Value> {
        let layers = self.layers.iter().copied();
        layers.take(if self.again { 0 } else { usize::MAX })
    }

    /// What the outermost of them says.
    pub(super) fn get(&self, keyword: &str) -> Option<&'s Value> {
        self.layers.iter().find_map(|layer| layer.get(keyword))
    }

    pub(super) fn text(&self, keyword: &str) -> Option<&'s str> {
        self.get(keyword)?.as_str()
    }

    /// The type that is not "nothing".
    pub(super) fn kind(&self) -> Option<&'s str> {
        match self.get("type")? {
            Value::String(kind) => Some(kind),
            kinds => {
                let mut kinds = kinds.as_array()?.iter().filter_map(Value::as_str);
                kinds.find(|kind| *kind != "null")
            }
        }
    }

    /// The forms between which there is a choice, if there are several.
    pub(super) fn forms(&self) -> Vec<Self> {
        let forms = self.inside().map(|layer| forms(layer));
        match forms.max_by_key(Vec::len) {
            Some(forms) if forms.len() > 1 => forms.into_iter().map(|form| self.of(form)).collect(),
            _ => Vec::new(),
        }
    }

    /// The keys that it has a name for.
    pub(super) fn properties(&self) -> BTreeMap<&'s str, Self> {
        let mut properties = BTreeMap::new();
        let named = self.inside().filter_map(|layer| layer.get("properties"));
        for (name, schema) in named.filter_map(Value::as_object).flatten() {
            properties
                .entry(&**name)
                .and_modify(|view: &mut Self| view.add(schema))
                .or_insert_with(|| self.of(schema));
        }
        properties
    }

    /// What stands under keys of the user's own choice.
    pub(super) fn free(&self) -> Option<Self> {
        let schemas =
            |keyword: &'static str| self.inside().filter_map(move |layer| layer.get(keyword));
        let patterns = schemas("patternProperties").filter_map(Value::as_object);
        let patterns = patterns.flat_map(Map::values);
        let mut free = schemas("additionalProperties").chain(patterns);
        free.find(|schema| schema.is_object())
            .map(|schema| self.of(schema))
    }

    /// What the items of a list are.
    pub(super) fn items(&self) -> Option<Self> {
        let mut items = self.inside().filter_map(|layer| layer.get("items"));
        items
            .find(|schema| schema.is_object())
            .map(|schema| self.of(schema))
    }

    pub(super) fn is_required(&self, key: &str) -> bool {
        let mut names = self.layers.iter().flat_map(|layer| list(layer, "required"));
        names.any(|name| name == key)
    }

    pub(super) fn is_secret(&self) -> bool {
        self.get("writeOnly") == Some(&Value::Bool(true))
    }

    /// The paths of all secrets in a value of it.
    pub(super) fn secrets(&self, value: &Value) -> Vec<Vec<Step>> {
        let tree = Tree::from_json(value.clone(), &Origin::Default);
        let mut found = Vec::new();
        for layer in &self.layers {
            secrets_within(self.root, &tree, layer, &mut |path, _| {
                found.push(path.to_vec());
            });
        }
        found
    }

    pub(super) fn description(&self) -> &'s str {
        self.text("description").unwrap_or_default()
    }

    /// The first paragraph of the description.
    pub(super) fn summary(&self) -> String {
        prose::paragraphs(self.description())
            .into_iter()
            .next()
            .unwrap_or_default()
    }
}

fn list<'s>(schema: &'s Value, keyword: &str) -> &'s [Value] {
    let list = schema.get(keyword).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// The forms of a choice. "Or nothing" is none: it is how an optional value is described.
fn forms(schema: &Value) -> Vec<&Value> {
    let forms = list(schema, "anyOf").iter().chain(list(schema, "oneOf"));
    forms
        .filter(|form| form.get("type").is_none_or(|kind| kind != "null"))
        .collect()
}
