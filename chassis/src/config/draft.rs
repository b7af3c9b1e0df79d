//! A configuration that was read, and may be wrong: whoever goes on looking for errors adds them to it.

use std::{
    collections::BTreeSet,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Config, ConfigBuilder, PLUGINS, PluginSection, Sections, Settings, foreign,
    layers::Layers,
    section,
    shape::Misshapen,
    source::ConfigLayer,
    tree::{Node, Origin, Tree},
};
use crate::error::{Error, Result, code};

impl ConfigBuilder {
    /// Reads, lays over each other and checks.
    ///
    /// # Errors
    ///
    /// If anything is wrong with it. All that is wrong is in the one error, as far as it can be known:
    /// what is in a file that can't be read, can't.
    pub fn build(self) -> Result<Config> {
        self.draft().finish(Vec::new(), |_| None)
    }

    /// The same, as far as it gets: for who goes on looking for errors.
    pub(crate) fn draft(self) -> Draft {
        Layers::read(self).join()
    }
}

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
            sections: Sections::lost(),
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

    /// With what was found before.
    pub(super) fn and(mut self, errors: Vec<Error>) -> Self {
        self.errors.extend(errors);
        self
    }

    /// Checks what is ours: the settings of the chassis, and the shape of the plugins' sections.
    pub(super) fn check(mut tree: Tree, layers: Arc<Layers>) -> Self {
        let mut errors = Vec::new();
        // Of a layer below, which another may have covered by now, or of what lies on top.
        let above = Misshapen::take(&mut tree, &layers.defaults);
        let misshapen: Vec<&Misshapen> = layers.misshapen.iter().chain(&above).collect();
        errors.extend(misshapen.iter().map(|misshapen| misshapen.error()));

        let mut ours = tree.clone();
        let plugins = ours.remove(&[PLUGINS.to_owned()]);
        let known = layers.defaults.as_map().into_iter().flatten();
        let known: Vec<&str> = known.map(|(key, _)| key.as_str()).collect();
        for (key, value) in tree.as_map().into_iter().flatten() {
            // Here and not by serde, which would not know of `plugins`.
            if !known.contains(&&**key) {
                let place = value.key_place();
                let misplaced = section::misplaced_key(key, &layers.defaults, place);
                errors.push(
                    misplaced.unwrap_or_else(|| section::unknown_key(key, &known, "", place)),
                );
                ours.remove(std::slice::from_ref(key));
            }
        }
        let settings = match section::read::<Settings>(Some(&ours), &[]) {
            Ok(settings) => {
                // With a section that could not be read, what it does not say would only make errors that are none.
                if misshapen.iter().all(|misshapen| misshapen.is_of_plugins()) {
                    settings.validate(&tree, &mut errors);
                }
                Some(settings)
            }
            Err(found) => {
                errors.extend(found);
                None
            }
        };
        let mut sections = sections(plugins.as_ref(), &known, &mut errors);
        for misshapen in misshapen {
            match misshapen.plugin() {
                Some((name, tree)) => sections.insert(PluginSection::broken(name, tree)),
                None => sections.are_lost |= misshapen.is_of_plugins(),
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
        self.layers.watched.iter().map(PathBuf::as_path)
    }

    /// `management.listen`, if that much can be understood.
    pub(crate) fn management_address(&self) -> Option<(SocketAddr, Origin)> {
        let listen = self.tree.get("management")?.get("listen")?;
        match &listen.node {
            Node::String(text) => Some((text.parse().ok()?, listen.origin.clone())),
            _ => None,
        }
    }

    /// Where `management.token_file` is, if that much can be understood.
    pub(crate) fn token_file(&self) -> Option<PathBuf> {
        match &self.tree.get("management")?.get("token_file")?.node {
            Node::String(file) if !file.is_empty() => Some(self.layers.beside(Path::new(file))),
            _ => None,
        }
    }

    /// The configuration, if nothing is wrong with it, here or in what others have found. Of the plugins that it
    /// mentions, `schema` tells what can be set.
    pub(crate) fn finish(
        self,
        more: Vec<Error>,
        schema: impl Fn(&PluginSection) -> Option<Value>,
    ) -> Result<Config> {
        let mut errors = self.errors;
        errors.extend(self.sections.beside(schema));
        errors.extend(more);
        drop_followers(&mut errors);
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

/// Drops what is only wrong because a reference leads nowhere.
fn drop_followers(errors: &mut Vec<Error>) {
    let is_reference = |error: &Error| error.code() == code::CONFIG_REFERENCE;
    let places: BTreeSet<String> = errors
        .iter()
        .filter(|error| is_reference(error))
        .filter_map(|error| error.origin().map(str::to_owned))
        .collect();
    errors.retain(|error| {
        is_reference(error) || error.origin().is_none_or(|origin| !places.contains(origin))
    });
}

/// What stands below `plugins:`, as far as it can be understood; `known` are the sections of the chassis.
fn sections(plugins: Option<&Tree>, known: &[&str], errors: &mut Vec<Error>) -> Sections {
    let mut sections = Sections::default();
    let ours: Vec<&str> = known
        .iter()
        .copied()
        .filter(|key| *key != PLUGINS)
        .collect();
    for (name, tree) in plugins.and_then(Tree::as_map).into_iter().flatten() {
        let Some(advice) = foreign::below_plugins(name, tree, &ours) else {
            sections.insert(PluginSection::parse(name, tree, errors));
            continue;
        };
        errors.push(section::advised(advice, tree.key_place()));
        // Perhaps their sections are a level too low: nobody misses them yet.
        for (name, tree) in tree.as_map().into_iter().flatten() {
            sections.insert_unclear(name, tree);
        }
    }
    sections
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("tree", &self.tree)
            .field("errors", &self.errors)
            .finish_non_exhaustive()
    }
}
