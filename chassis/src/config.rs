//! The configuration: layers of text become one tree, and the tree becomes settings.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

mod builder;
mod plugins;
mod settings;
mod section;
mod read;
mod key;
mod fault;
mod units;
mod environment;
mod load;
mod tree;
mod path;
#[cfg(test)]
mod tests;

pub use builder::ConfigBuilder;
pub(crate) use plugins::PluginSection;
pub use settings::{
    AdmissionSettings, LifecycleSettings, LogFormat, LogSettings, ManagementSettings,
    ReloadSettings, ServerSettings, ServiceSettings, Settings, ShutdownSettings,
};
pub(crate) use tree::{Origin, Tree};

/// The section of the plugins; the others are those of [`Settings`].
const PLUGINS: &str = "plugins";

/// A configuration that has been read and found right: *defaults < file < environment < code*.
///
/// Every value keeps its origin; an error names it. The plugins' own settings are only checked when
/// their plugin reads them.
#[derive(Clone, Debug)]
pub struct Config {
    settings: Settings,
    plugins: BTreeMap<String, PluginSection>,
    tree: Tree,
    file: Option<PathBuf>,
}

impl Config {
    /// Reads the file (or, if none is named, `config.yaml` in the working directory if it is there) and
    /// the environment of the process.
    ///
    /// # Errors
    ///
    /// If anything is wrong with it. All that is wrong is in the one error.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let builder = Self::builder().process_environment();
        match file {
            Some(file) => builder.file(file),
            None => builder.default_file("."),
        }
        .build()
    }

    /// For any other mixture of layers. With nothing said it has the defaults alone.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// The settings of the chassis itself.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The file that was read; `None` if there was none to read.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What it says of this plugin, which may be nothing.
    pub(crate) fn plugin(&self, name: &str) -> PluginSection {
        self.plugins
            .get(name)
            .cloned()
            .unwrap_or_else(|| PluginSection::absent(name))
    }

    /// The plugins and instances that it mentions, by name.
    pub(crate) fn plugin_names(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(String::as_str)
    }

    /// All of it, defaults too, with origins.
    #[cfg(test)]
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Where the value at a path comes from: `server.listen`.
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        Some(&self.tree.lookup(&path::parse(path)?)?.origin)
    }
}

fn check(tree: Tree, file: Option<PathBuf>) -> Result<Config, Vec<Error>> {
    let mut errors = Vec::new();
    let mut ours = tree.clone();
    let sections = ours.remove(&[PLUGINS.to_owned()]);
    let defaults = builder::defaults(None);
    let known: Vec<&str> = defaults
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

    let settings = section::read::<Settings>(Some(&ours), &[]);
    if let Ok(settings) = &settings {
        settings.validate(&tree, &mut errors);
    }

    let mut plugins = BTreeMap::new();
    if let Some(sections) = sections.as_ref() {
        if sections.as_map().is_none() {
            let message = format!("expected a map, found {}", sections.kind());
            errors.push(section::invalid(PLUGINS, sections.place(), &message));
        }
        for (name, tree) in sections.as_map().into_iter().flatten() {
            match PluginSection::parse(name, tree) {
                Ok(section) => _ = plugins.insert(name.clone(), section),
                Err(found) => errors.extend(found),
            }
        }
    }
    match settings {
        Ok(settings) if errors.is_empty() => Ok(Config {
            settings,
            plugins,
            tree,
            file,
        }),
        settings => {
            errors.extend(settings.err().into_iter().flatten());
            Err(errors)
        }
    }
}
