//! Layers, laid over each other.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    Config, PLUGINS, ServiceSettings, Settings, check, environment, load, path,
    tree::{Origin, Tree},
};
use crate::error::{Error, Result, code};

/// Layers that become a [`Config`]. The order of the calls is irrelevant, except among texts and
/// among values of one path, where the last one wins.
// No `Debug`: it holds the environment of the process.
#[derive(Clone, Default)]
pub struct ConfigBuilder {
    service: Option<ServiceSettings>,
    file: FileSource,
    texts: Vec<(String, String)>,
    environment: Vec<(OsString, OsString)>,
    code: Vec<(String, Value)>,
}

#[derive(Clone, Default)]
enum FileSource {
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
        self.file = FileSource::In(directory.into());
        self
    }

    /// YAML, as if a file of this name held it; it lies over the file.
    #[must_use]
    pub fn yaml(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.texts.push((name.into(), text.into()));
        self
    }

    /// Variables, of which those that begin with `CHASSIS__` are read.
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

    /// A value at a path, above all layers: `("server.listen", "127.0.0.1:0")`. A key with a dot in it
    /// stands in quotes: `plugins.x.points."middleware.pre_request".priority`.
    #[must_use]
    pub fn set(mut self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.code.push((path.into(), value.into()));
        self
    }

    /// Reads, lays over each other and checks.
    ///
    /// # Errors
    ///
    /// If anything is wrong with it. All that is wrong is in the one error, as far as it can be known:
    /// what is in a file that can't be read, can't.
    pub fn build(self) -> Result<Config> {
        let (tree, file) = self.layers().map_err(together)?;
        check(tree, file).map_err(together)
    }

    /// All errors as one, in the order of their places: whoever corrects a file goes through it once.
    pub(crate) fn all(mut errors: Vec<Error>) -> Option<Error> {
        // Stable: what has no place stays in the order in which it was found.
        errors.sort_by_cached_key(|error| place(error.origin().unwrap_or_default()));
        Error::all(errors)
    }

    fn layers(self) -> Result<(Tree, Option<PathBuf>), Vec<Error>> {
        let mut errors = Vec::new();
        let mut tree = defaults(self.service);

        let (read, path) = match self.file {
            FileSource::None => (Ok(None), None),
            FileSource::Named(path) => (load::file(&path).map(Some), Some(path)),
            FileSource::In(directory) => {
                // `config.yaml:3:1` reads better than `./config.yaml:3:1`.
                let directory = if directory == Path::new(".") {
                    PathBuf::new()
                } else {
                    directory
                };
                (
                    load::default_file(&directory),
                    Some(directory.join(load::DEFAULT_FILE)),
                )
            }
        };
        let mut file = None;
        match read {
            Ok(Some(layer)) => {
                tree.merge(layer);
                file = path;
            }
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
        for (name, text) in &self.texts {
            match load::parse(name, text) {
                Ok(layer) => tree.merge(layer),
                Err(error) => errors.push(error),
            }
        }
        environment::apply(&mut tree, self.environment, &mut errors);
        for (path, value) in self.code {
            match path::parse(&path) {
                Some(path) => tree.set(&path, Tree::from_json(value, &Origin::Code)),
                None => errors.push(
                    Error::new(code::CONFIG_INVALID, format!("`{path}` is not a path"))
                        .with_help("write keys with dots between them: `server.listen`")
                        .from_origin(Origin::Code.to_string()),
                ),
            }
        }
        // A layer that is missing would only make errors that are none.
        if errors.is_empty() {
            Ok((tree, file))
        } else {
            Err(errors)
        }
    }
}

/// The lowest layer. It is in the tree so that the environment can be matched with the keys there
/// are, and so that operators see every value there is.
pub(super) fn defaults(service: Option<ServiceSettings>) -> Tree {
    let mut settings = Settings::default();
    if let Some(service) = service {
        settings.service = service;
    }
    // Plain structs of numbers and strings: this cannot fail.
    let mut value = serde_json::to_value(settings).unwrap_or_default();
    value[PLUGINS] = Value::Object(serde_json::Map::new());
    Tree::from_json(value, &Origin::Default)
}

fn together(errors: Vec<Error>) -> Error {
    // There is at least one; if not, that is an error of ours.
    ConfigBuilder::all(errors)
        .unwrap_or_else(|| Error::msg("the configuration is wrong, but nothing says why"))
}

/// `config.yaml:12:7` taken apart, so that line 12 comes after line 2.
fn place(origin: &str) -> (String, u64, u64) {
    let mut parts = origin.rsplitn(3, ':');
    let (column, line, name) = (parts.next(), parts.next(), parts.next());
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u64>().ok());
    match (name, number(line), number(column)) {
        (Some(name), Some(line), Some(column)) => (name.to_owned(), line, column),
        _ => (origin.to_owned(), 0, 0),
    }
}
