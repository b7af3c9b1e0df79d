//! What is known of a plugin before it is built.

use crate::{
    config,
    error::{Error, Result, code},
    graph::Node,
};
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;
use std::sync::Arc;

/// When a plugin is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Before all others; it may decide about them at `plugin.admit`. Such a plugin can only require others of
    /// this stage.
    Bootstrap,
    /// With all others.
    Service,
}

/// What is known of a plugin before it is built: its name, its version, what it needs.
///
/// `#[plugin]` makes it from the attribute, the doc comment and the crate. It owns its strings, so that a
/// source of plugins that are not linked can make it at run time:
///
/// ```
/// # use chassis::PluginInfo;
/// let info = PluginInfo::new("store", "1.2.0")?.requires(["pool ^1"]);
/// assert_eq!(&*info.name, "store");
/// # Ok::<(), chassis::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PluginInfo {
    /// The name: lower-case words joined by hyphens.
    pub name: Arc<str>,
    /// The version.
    #[schemars(with = "String")]
    pub version: Version,
    /// What it does, in one line.
    pub description: String,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Its licence, as an SPDX expression.
    pub license: String,
    /// Where to read about it.
    pub homepage: String,
    /// Where its source is.
    pub repository: String,
    /// Plugins and capabilities that must be there, and running before it: `name`, `name ^1.2`, `chassis ^0.1`.
    pub requires: Vec<String>,
    /// Plugins that come before it, if they are there.
    pub after: Vec<String>,
    /// Plugins that come after it, if they are there.
    pub before: Vec<String>,
    /// Capabilities that it provides: `cache`, `cache 1.3`.
    pub provides: Vec<String>,
    /// What each of its instances holds, whatever its settings are, and can't be there twice: `port 9000`.
    pub exclusive: Vec<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether the service can't run without it. `required:` in its section replaces this.
    pub required: bool,
    /// When it is built.
    pub stage: Stage,
    /// Where it comes from: `crate chassis-hello (src/lib.rs:12)`.
    pub origin: Arc<str>,
    /// The name of its crate, as Rust writes it.
    pub krate: String,
    /// Whether it shuts routes that do not say who may call them.
    #[serde(skip)]
    pub(crate) shuts_routes: bool,
}

impl PluginInfo {
    /// A plugin of this name and version that needs nothing.
    ///
    /// # Errors
    ///
    /// If the name is not lower-case words joined by hyphens or is reserved, or the version is not a full
    /// semantic version.
    #[track_caller]
    pub fn new(name: impl Into<Arc<str>>, version: &str) -> Result<Self> {
        let name = name.into();
        check_name(&name)?;
        let version = Version::parse(version).map_err(|error| {
            Error::new(
                code::BAD_VERSION,
                format!("`{version}` is not a version: {error}"),
            )
            .in_plugin(Arc::clone(&name))
            .with_help("write all three numbers, like `1.2.0`")
        })?;
        let place = std::panic::Location::caller();
        Ok(Self {
            name,
            version,
            description: String::new(),
            authors: Vec::new(),
            license: String::new(),
            homepage: String::new(),
            repository: String::new(),
            requires: Vec::new(),
            after: Vec::new(),
            before: Vec::new(),
            provides: Vec::new(),
            exclusive: Vec::new(),
            tags: Vec::new(),
            required: false,
            stage: Stage::Service,
            origin: format!("{}:{}", place.file(), place.line()).into(),
            krate: String::new(),
            shuts_routes: false,
        })
    }

    /// Says what it does.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Adds what must be there, and running before it.
    #[must_use]
    pub fn requires<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.requires.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds what comes before it, if it is there.
    #[must_use]
    pub fn after<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.after.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds what comes after it, if it is there.
    #[must_use]
    pub fn before<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.before.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds capabilities that it provides.
    #[must_use]
    pub fn provides<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.provides.extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds what each instance holds and can't be there twice: see [`Plugin::exclusive`](crate::Plugin::exclusive).
    #[must_use]
    pub fn exclusive<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.exclusive.extend(names.into_iter().map(Into::into));
        self
    }

    /// What the order is computed from, for an instance of this name.
    pub(crate) fn node(&self, name: &Arc<str>) -> Node {
        Node {
            name: Arc::clone(name),
            version: self.version.clone(),
            requires: self.requires.clone(),
            after: self.after.clone(),
            before: self.before.clone(),
            provides: self.provides.clone(),
            origin: Arc::clone(&self.origin),
        }
    }

    /// Makes it one that the service can't run without.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Makes it one of the stage that is built first.
    #[must_use]
    pub fn bootstrap(mut self) -> Self {
        self.stage = Stage::Bootstrap;
        self
    }
}

/// Whether a plugin or an instance may have this name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let help = "a name is lower-case words joined by hyphens, like `request-tracing`";
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if config::is_reserved(name) {
        let message = format!("`{name}` is a reserved name");
        return Err(Error::new(code::BAD_NAME, message).with_help("choose another name"));
    }
    if name.len() > 64
        || !name.split('-').all(word)
        || !name.starts_with(|c: char| c.is_ascii_lowercase())
    {
        let message = format!("`{name}` is not a plugin name");
        return Err(Error::new(code::BAD_NAME, message).with_help(help));
    }
    Ok(())
}
