//! Sections are maps. Whoever writes a list or a word instead is told so, whatever the other layers say: a map that is
//! laid over it would hide the mistake, and lose what was meant.

use super::{
    PLUGINS, foreign, path,
    section::invalid,
    tree::{Node, Tree},
};
use crate::error::{Error, Fix};

/// What stands where a section belongs.
#[derive(Clone, Debug)]
pub(super) struct Misshapen {
    path: Vec<String>,
    value: Tree,
}

impl Misshapen {
    /// Takes them out of a layer. `below` is what it will lie on, and has all sections.
    pub(super) fn take(layer: &mut Tree, below: &Tree) -> Vec<Self> {
        let mut paths: Vec<Vec<String>> = Vec::new();
        for (key, value) in layer.as_map().into_iter().flatten() {
            let is_section = below.get(key).and_then(Tree::as_map).is_some();
            if is_section && is_misshapen(value) {
                paths.push(vec![key.clone()]);
            }
        }
        let plugins = layer.get(PLUGINS).and_then(Tree::as_map);
        for (name, value) in plugins.into_iter().flatten() {
            // Of what can't be a plugin something else is said.
            if is_misshapen(value) && !foreign::is_reserved(name) {
                paths.push(vec![PLUGINS.to_owned(), name.clone()]);
            }
        }
        paths
            .into_iter()
            .filter_map(|path| {
                let value = layer.remove(&path)?;
                Some(Self { path, value })
            })
            .collect()
    }

    /// Whether it is said in place of what is said of plugins.
    pub(super) fn is_of_plugins(&self) -> bool {
        self.path.first().is_some_and(|section| section == PLUGINS)
    }

    /// The plugin, if it is said in place of the section of one.
    pub(super) fn plugin(&self) -> Option<(&str, &Tree)> {
        let name = self.path.get(1)?;
        Some((name, &self.value))
    }

    pub(super) fn error(&self) -> Error {
        let message = format!("expected a map, found {}", self.value.kind());
        let error = invalid(&path::show(&self.path), self.value.place(), &message);
        match self.plugin() {
            Some((
                name,
                Tree {
                    node: Node::Bool(is_on),
                    ..
                },
            )) => {
                // It can mean nothing else.
                let with = format!("{{enabled: {is_on}}}");
                let error = error.with_help(format!("write `{name}: {with}`"));
                error.with_fix(Fix::Replace { with }).in_plugin(name)
            }
            Some((name, _)) => error
                .with_help("the plugin's own settings go under `config:`")
                .in_plugin(name),
            None if self.is_of_plugins() => error.with_help(self.instead_of_plugins()),
            None => error,
        }
    }

    fn instead_of_plugins(&self) -> String {
        let Node::List(items) = &self.value.node else {
            return "write the name of a plugin, and its settings below it".to_owned();
        };
        let named = items
            .iter()
            .filter_map(|item| item.get("name"))
            .find_map(name);
        match (named, items.iter().find_map(name)) {
            (Some(named), _) => format!("write each under its name: `{named}: {{..}}`"),
            (None, Some(listed)) => format!(
                "plugins that are linked need not be listed; write `{listed}: {{..}}` for settings"
            ),
            (None, None) => "write each under its name: `NAME: {..}`".to_owned(),
        }
    }
}

fn is_misshapen(value: &Tree) -> bool {
    !matches!(value.node, Node::Map(_) | Node::Null)
}

/// What may well be the name of a plugin. Nothing else of what is in there is told.
fn name(value: &Tree) -> Option<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match &value.node {
        Node::String(text) if value.origin.is_elsewhere() || text.is_empty() => None,
        Node::String(text) => (text.len() <= 64 && text.chars().all(is_word)).then_some(text),
        _ => None,
    }
}
