//! What a plugin gives at `config.load`: values at paths, or whole documents.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    load, path,
    scalar::scalar,
    shape::Misshapen,
    tree::{Origin, Tree},
};
use crate::error::Error;

/// A layer of configuration that comes from a plugin, at [`points::CONFIG_LOAD`](crate::points::CONFIG_LOAD): over the
/// files, under the environment.
///
/// ```
/// use chassis::ConfigLayer;
///
/// let layer = ConfigLayer::new()
///     .text("server.max_body", "4MiB", "kv orders/server/max_body")
///     .watch("/etc/orders/overrides");
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigLayer {
    entries: Vec<Entry>,
    watched: Vec<PathBuf>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Entry {
    /// Where it comes from, for people.
    origin: String,
    /// Whether nobody is to see the value.
    #[serde(default)]
    is_secret: bool,
    #[serde(flatten)]
    content: Content,
}

#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Content {
    Value { path: String, value: Value },
    Text { path: String, text: String },
    Document { document: String },
}

impl ConfigLayer {
    /// A layer with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// A value at a path. `origin` is what people are told who ask where it comes from.
    #[must_use]
    pub fn value(
        self,
        path: impl Into<String>,
        value: impl Into<Value>,
        origin: impl Into<String>,
    ) -> Self {
        let (path, value) = (path.into(), value.into());
        self.with(Content::Value { path, value }, origin)
    }

    /// A value at a path as a text, which is read as that of an environment variable is: `5` is a number where a number
    /// is wanted, and a text where a text is.
    #[must_use]
    pub fn text(
        self,
        path: impl Into<String>,
        text: impl Into<String>,
        origin: impl Into<String>,
    ) -> Self {
        let (path, text) = (path.into(), text.into());
        self.with(Content::Text { path, text }, origin)
    }

    /// A whole document: YAML or JSON. References in it stay as they are.
    #[must_use]
    pub fn document(self, document: impl Into<String>, origin: impl Into<String>) -> Self {
        let document = document.into();
        self.with(Content::Document { document }, origin)
    }

    fn with(mut self, content: Content, origin: impl Into<String>) -> Self {
        self.entries.push(Entry {
            origin: origin.into(),
            is_secret: false,
            content,
        });
        self
    }

    /// Says that what was added so far is secret: it is shown nowhere, whatever the plugin makes of it that reads it.
    #[must_use]
    pub fn secret(mut self) -> Self {
        for entry in &mut self.entries {
            entry.is_secret = true;
        }
        self
    }

    /// Says that the layer comes from this file, or from the files in this directory: if what is in there changes, the
    /// service reloads (unless `reload.watch` is off).
    #[must_use]
    pub fn watch(mut self, path: impl Into<PathBuf>) -> Self {
        self.watched.push(path.into());
        self
    }

    /// The paths to watch.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Path> {
        self.watched.iter().map(PathBuf::as_path)
    }

    pub(super) fn lay_over(&self, tree: &mut Tree, errors: &mut Vec<Error>) {
        for entry in &self.entries {
            let origin = Origin::Source {
                place: entry.origin.as_str().into(),
                is_secret: entry.is_secret,
            };
            let (path, value) = match &entry.content {
                Content::Value { path, value } => (path, Tree::from_json(value.clone(), &origin)),
                Content::Text { path, text } => (path, scalar(text, origin.clone())),
                Content::Document { document } => {
                    match load::parse(&entry.origin, document) {
                        Ok(mut document) => {
                            if entry.is_secret {
                                document = document.all_from(&origin);
                            }
                            let misshapen = Misshapen::take(&mut document, tree);
                            errors.extend(misshapen.iter().map(Misshapen::error));
                            tree.merge(document);
                        }
                        Err(error) => errors.push(error),
                    }
                    continue;
                }
            };
            match path::parse(path) {
                Some(path) => tree.set(&path, value),
                None => errors.push(path::no_path(path, &origin)),
            }
        }
    }
}

/// Without the values.
impl fmt::Debug for ConfigLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.entries.iter().map(|entry| &entry.origin))
            .finish()
    }
}
