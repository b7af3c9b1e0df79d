//! A configuration that was read, and may be wrong: whoever goes on looking for errors adds them to it.

use std::{fmt, path::Path, sync::Arc};

use super::{
    Config, ConfigBuilder, PLUGINS, PluginSection, Sections, Settings,
    layers::Layers,
    section,
    source::ConfigLayer,
    tree::{Origin, Tree},
};
use crate::error::{Error, Result};

/// A configuration before it is known to be right.
pub(crate) struct Draft {
    layers: Arc<Layers>,
    tree: Tree,
    settings: Option<Settings>,
    sections: Sections,
    errors: Vec<Error>,
}

impl Draft {
    /// Nothing but errors.
    pub(super) fn broken(layers: Arc<Layers>, errors: Vec<Error>) -> Self {
        Self {
            layers,
            tree: Tree::empty(Origin::Default),
            settings: None,
            sections: Sections::default(),
            errors,
        }
    }

    pub(super) fn with_sources(layers: Arc<Layers>, sources: &[ConfigLayer]) -> Self {
        let mut errors = Vec::new();
        let tree = layers.tree(sources, &mut errors);
        // A layer that is missing would only make errors that are none.
        match errors.is_empty() {
            true => Self::check(tree, layers),
            false => Self::broken(layers, errors),
        }
    }

    /// Checks what is ours: the settings of the chassis, and the shape of the plugins' sections.
    pub(super) fn check(tree: Tree, layers: Arc<Layers>) -> Self {
        let mut errors = Vec::new();
        let mut ours = tree.clone();
        let plugins = ours.remove(&[PLUGINS.to_owned()]);
        let known: Vec<&str> = layers
            .defaults
            .as_map()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect();
        for (key, value) in tree.as_map().into_iter().flatten() {
            // Here and not by serde, which would not know of `plugins`.
            if !known.contains(&&**key) {
                errors.push(section::unknown_key(key, &known, "", value.key_place()));
                ours.remove(std::slice::from_ref(key));
            }
        }
        let settings = match section::read::<Settings>(Some(&ours), &[]) {
            Ok(settings) => {
                settings.validate(&tree, &mut errors);
                Some(settings)
            }
            Err(found) => {
                errors.extend(found);
                None
            }
        };
        let mut sections = Sections::default();
        if let Some(plugins) = &plugins {
            if plugins.as_map().is_none() {
                let message = format!("expected a map, found {}", plugins.kind());
                errors.push(section::invalid(PLUGINS, plugins.place(), &message));
            }
            for (name, tree) in plugins.as_map().into_iter().flatten() {
                match PluginSection::parse(name, tree) {
                    Ok(section) => sections.insert(section),
                    Err(found) => {
                        sections.insert_broken(name);
                        errors.extend(found);
                    }
                }
            }
        }
        Self {
            layers,
            tree,
            settings,
            sections,
            errors,
        }
    }

    /// What it says of the plugins, as far as it can be understood.
    pub(crate) fn sections(&self) -> &Sections {
        &self.sections
    }

    /// The files that it was read from, or would have been: `config.yaml` too where there is none, and those that
    /// references name. What is wrong may be mended in one of them.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Path> {
        self.layers.watched.iter().map(std::path::PathBuf::as_path)
    }

    /// The configuration, if nothing is wrong with it, here or in what others have found.
    pub(crate) fn finish(self, more: Vec<Error>) -> Result<Config> {
        let mut errors = self.errors;
        errors.extend(more);
        match (self.settings, ConfigBuilder::all(errors)) {
            (Some(settings), None) => Ok(Config {
                settings,
                sections: self.sections,
                tree: self.tree,
                layers: self.layers,
            }),
            (_, Some(error)) => Err(error),
            (None, None) => Err(Error::msg(
                "the configuration is wrong, but nothing says why",
            )),
        }
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("tree", &self.tree)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}
