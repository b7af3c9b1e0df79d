//! The configuration: layers of text become one tree, and the tree becomes settings.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::error::Result;

mod fix;
mod builder;
mod layers;
mod local;
mod overrides;
mod replacement;
mod draft;
mod shown;
mod whole;
mod source;
mod plugins;
mod beside;
mod settings;
mod events;
mod health;
mod management;
mod probation;
mod filter;
mod manual;
mod shape;
mod section;
mod foreign;
mod violations;
mod schema;
mod read;
mod key;
mod fault;
mod hint;
pub mod units;
mod interpolate;
mod environment;
mod scalar;
mod load;
mod complaint;
mod tree;
mod path;
pub(crate) mod announced;
#[cfg(test)]
mod tests;

pub use builder::ConfigBuilder;
pub(crate) use draft::Draft;
pub use events::{EventSettings, WhenFull};
pub(crate) use filter::log_filter;
pub(crate) use fix::{Fixed, apply as fix};
pub(crate) use foreign::is_reserved;
pub use health::{CheckSettings, HealthSettings};
pub(crate) use local::{LocalFile, literal};
pub use management::ManagementSettings;
pub(crate) use overrides::Overrides;
pub(crate) use plugins::{PluginSection, Sections};
pub use probation::ProbationSettings;
pub(crate) use replacement::{Access, Replaced, Replacement};
pub use settings::{
    AdmissionSettings, DiscoverySettings, LifecycleSettings, LogFormat, LogSettings,
    MetricsSettings, ReloadSettings, ServerSettings, ServiceSettings, Settings, ShutdownSettings,
};
pub use shown::{ConfigReport, ConfigValue};
pub use source::ConfigLayer;
pub(crate) use tree::{Origin, Tree};
pub use violations::{Violation, Violations};
pub(crate) use whole::{manual as manual_of, schema as schema_of, tables as tables_of};

use layers::Layers;

/// The section of the plugins; the others are those of [`Settings`].
const PLUGINS: &str = "plugins";

/// A configuration that has been read and found right: *defaults < file < profile < sources < environment <
/// arguments < local file < management < code*.
///
/// Every value keeps its origin; an error names it. The plugins' own settings are checked by whoever knows the plugins: a
/// service that starts or reloads, and `check`.
#[derive(Clone, Debug)]
pub struct Config {
    settings: Settings,
    sections: Sections,
    tree: Tree,
    layers: Arc<Layers>,
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
        self.layers.file.as_deref()
    }

    /// The file in which changes of operators outlive a restart, whether it is there or not; `None` if there is no file that it
    /// could stand beside.
    pub(crate) fn local_file(&self) -> Option<&Path> {
        self.layers.local_file.as_deref()
    }

    /// Where the tokens of the management listener are, if it asks for one.
    pub(crate) fn token_file(&self) -> Option<PathBuf> {
        let file = self.settings.management.token_file.as_ref()?;
        Some(self.layers.beside(file))
    }

    /// The profile, if there is one.
    pub fn profile(&self) -> Option<&str> {
        self.layers.profile.as_deref()
    }

    /// What it says of the plugins.
    pub(crate) fn sections(&self) -> &Sections {
        &self.sections
    }

    /// The same files and variables, with what the sources gave laid between; not checked yet.
    pub(crate) fn with_sources(&self, sources: &[ConfigLayer]) -> Draft {
        Draft::with_sources(Arc::clone(&self.layers), sources)
    }

    /// Reads nothing anew: the same files and variables with other changes of operators, without what the sources gave; not
    /// checked yet.
    pub(crate) fn with_overrides(&self, overrides: Overrides) -> Draft {
        Draft::with_sources(Arc::new(self.layers.with_overrides(overrides)), &[])
    }

    /// The same files, as if operators had persisted what they have in the other; only to be compared.
    pub(crate) fn with_local_of(&self, other: &Self) -> Self {
        Self {
            layers: Arc::new(self.layers.with_local_of(&other.layers)),
            ..self.clone()
        }
    }

    /// Whether the files of the other say the same.
    pub(crate) fn has_same_files(&self, other: &Self) -> bool {
        self.layers.has_same_files(&other.layers)
    }

    /// Whether the other has the same values, wherever they stand.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.tree.same(&other.tree)
    }

    /// All of it, defaults too, with origins.
    #[cfg(test)]
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The source of the first value at or below a path that comes from one.
    pub(crate) fn source_below(&self, path: &str) -> Option<&Origin> {
        fn first(tree: &Tree) -> Option<&Origin> {
            match tree.as_map() {
                Some(entries) => entries.values().find_map(first),
                None => Some(&tree.origin).filter(|origin| matches!(origin, Origin::Source { .. })),
            }
        }
        first(self.tree.lookup(&path::parse(path)?)?)
    }

    /// Where the value at a path comes from: `server.listen`.
    pub(crate) fn origin(&self, path: &str) -> Option<&Origin> {
        Some(&self.tree.lookup(&path::parse(path)?)?.origin)
    }
}
