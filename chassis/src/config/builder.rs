//! What is to be read: the layers of a configuration, before any is.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Overrides, ServiceSettings};
use crate::error::Error;

/// The variable that names the profile.
pub(super) const PROFILE: &str = "CHASSIS_PROFILE";

/// Layers that become a [`Config`](super::Config). The order of the calls is irrelevant, except among texts and
/// among values of one path, where the last one wins.
// No `Debug`: it holds the environment of the process.
#[derive(Clone, Default)]
pub struct ConfigBuilder {
    pub(super) service: Option<ServiceSettings>,
    pub(super) file: FileSource,
    pub(super) profile: Option<String>,
    pub(super) texts: Vec<(String, String)>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) arguments: Vec<(String, String)>,
    pub(super) overrides: Overrides,
    pub(super) code: Vec<(String, Value)>,
}

#[derive(Clone, Default)]
pub(super) enum FileSource {
    #[default]
    None,
    /// This one, which must be there.
    Named(PathBuf),
    /// `config.yaml` in this directory, if it is there.
    In(PathBuf),
}

impl ConfigBuilder {
    /// The defaults of `service.name` and `service.version`: those of the program.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        let mut service = ServiceSettings::default();
        (service.name, service.version) = (name.into(), version.into());
        self.service = Some(service);
        self
    }

    /// A file that must be there: YAML or JSON.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = FileSource::Named(path.into());
        self
    }

    /// `config.yaml` in this directory, if it is there.
    #[must_use]
    pub fn default_file(mut self, directory: impl Into<PathBuf>) -> Self {
        // `config.yaml:3:1` reads better than `./config.yaml:3:1`.
        let directory: PathBuf = directory.into();
        self.file = FileSource::In(match directory == Path::new(".") {
            true => PathBuf::new(),
            false => directory,
        });
        self
    }

    /// Neither a file nor that of a profile.
    pub(crate) fn no_file(mut self) -> Self {
        (self.file, self.profile) = (FileSource::None, None);
        self.environment.retain(|(name, _)| name != PROFILE);
        self
    }

    /// The profile: with `production`, the file `config.production.yaml` beside `config.yaml` lies over it, and must
    /// be there. Unless it is said here, the variable `CHASSIS_PROFILE` of the environment says it.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// YAML, as if a file of this name held it; it lies over the file, and under that of the profile.
    #[must_use]
    pub fn yaml(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.texts.push((name.into(), text.into()));
        self
    }

    /// Variables. Those that begin with `CHASSIS__` are a layer; all can be referred to in the files: `${PORT:-8080}`.
    #[must_use]
    pub fn environment<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        self.environment
            .extend(variables.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// The environment of the process.
    #[must_use]
    pub fn process_environment(self) -> Self {
        self.environment(std::env::vars_os())
    }

    /// An argument of the program, `--set server.listen=127.0.0.1:0`: over the environment, and read as a variable is.
    #[must_use]
    pub fn argument(mut self, path: impl Into<String>, value: impl Into<String>) -> Self {
        self.arguments.push((path.into(), value.into()));
        self
    }

    /// What operators have changed.
    pub(crate) fn overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// A value at a path, above all layers: `("server.listen", "127.0.0.1:0")`. A key with a dot in it
    /// stands in quotes: `plugins.x.points."middleware.pre_request".priority`.
    #[must_use]
    pub fn set(mut self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.code.push((path.into(), value.into()));
        self
    }

    /// All errors as one, in the order of their places: whoever corrects a file goes through it once.
    pub(crate) fn all(mut errors: Vec<Error>) -> Option<Error> {
        // Stable: what has no place stays in the order in which it was found.
        errors.sort_by_cached_key(|error| place(error.origin().unwrap_or_default()));
        Error::all(errors)
    }
}

/// `config.yaml:12:7` taken apart, so that line 12 comes after line 2.
fn place(origin: &str) -> (String, u64, u64) {
    // Not what it refers to: `config.yaml:12:7 (${PORT})`.
    let origin = origin.split(" (").next().unwrap_or_default();
    let mut parts = origin.rsplitn(3, ':');
    let (column, line, name) = (parts.next(), parts.next(), parts.next());
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u64>().ok());
    match (name, number(line), number(column)) {
        (Some(name), Some(line), Some(column)) => (name.to_owned(), line, column),
        _ => (origin.to_owned(), 0, 0),
    }
}
