//! The layers that were read, and how they become one tree: *defaults < file < texts < profile < sources <
//! environment < arguments < local file < management < code*.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Draft, Overrides, PLUGINS, ServiceSettings, Settings,
    builder::{ConfigBuilder, FileSource, PROFILE},
    environment,
    interpolate::Interpolation,
    load, local, path,
    scalar::scalar,
    shape::Misshapen,
    source::ConfigLayer,
    tree::{Origin, Tree},
};
use crate::error::{Error, Result, code};

/// Everything that was read. What the sources give is laid between when they have given it, so that one reading of the
/// files serves both: the settings of the sources themselves, and the whole.
pub(super) struct Layers {
    pub(super) defaults: Tree,
    /// The files, laid over each other.
    files: Tree,
    environment: Vec<(OsString, OsString)>,
    arguments: Vec<(String, String)>,
    /// The file in which changes of operators outlive a restart.
    local: Tree,
    overrides: Overrides,
    code: Vec<(String, Value)>,
    /// The file, if there was one to read.
    pub(super) file: Option<PathBuf>,
    /// Where changes of operators are written that are to outlive a restart; nowhere if there is no file to stand beside.
    pub(super) local_file: Option<PathBuf>,
    pub(super) profile: Option<String>,
    /// Every file that was read, or would have been: if one of them changes, so may the configuration.
    pub(super) watched: BTreeSet<PathBuf>,
    /// What stands in the files where sections belong.
    pub(super) misshapen: Vec<Misshapen>,
    errors: Vec<Error>,
}

impl Layers {
    /// Reads the files.
    pub(super) fn read(builder: ConfigBuilder) -> Self {
        let variables: BTreeMap<String, String> = builder
            .environment
            .iter()
            .filter_map(|(name, value)| {
                Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()))
            })
            .collect();
        let profile = builder.profile.or_else(|| variables.get(PROFILE).cloned());
        let profile = profile.filter(|profile| !profile.is_empty());
        let defaults = defaults(builder.service);
        let mut layers = Self {
            files: Tree::empty(Origin::Default),
            defaults,
            environment: builder.environment,
            arguments: builder.arguments,
            local: Tree::empty(Origin::Default),
            overrides: builder.overrides,
            code: builder.code,
            file: None,
            local_file: None,
            profile: None,
            watched: BTreeSet::new(),
            misshapen: Vec::new(),
            errors: Vec::new(),
        };
        let main = match &builder.file {
            FileSource::None => None,
            FileSource::Named(path) => {
                let read = load::file(path, load::NAME_ANOTHER).map(Some);
                layers.add(path, read, &variables);
                Some(path.clone())
            }
            FileSource::In(directory) => {
                let path = directory.join(load::DEFAULT_FILE);
                let read = load::optional_file(&path);
                layers.add(&path, read, &variables);
                Some(path)
            }
        };
        for (name, text) in &builder.texts {
            let read = load::parse(name, text).map(Some);
            layers.merge(Path::new(""), read, &variables);
        }
        if let Some(profile) = profile {
            match beside(main.as_deref(), &profile) {
                Ok(path) => {
                    let absent = format!("create it, or start without the profile `{profile}`");
                    let read = load::file(&path, &absent).map(Some);
                    layers.add(&path, read, &variables);
                }
                Err(error) => layers.errors.push(error),
            }
            layers.profile = Some(profile);
        }
        if let Some(main) = main {
            layers.read_local(&main, &variables);
        }
        layers
    }

    /// Reads what operators have changed for longer than until the next restart.
    fn read_local(&mut self, main: &Path, variables: &BTreeMap<String, String>) {
        let path = local::beside(main);
        let read = match &self.overrides.staged {
            Some(text) => load::parse(&path.display().to_string(), text).map(Some),
            None => load::optional_file(&path),
        };
        // Nothing stands beside a pipe.
        let has_place = main.is_file() || !matches!(read, Ok(None));
        let directory = path.parent().unwrap_or(Path::new(""));
        if let Some(tree) = self.resolved(directory, read, variables) {
            self.local.merge(tree);
        }
        self.watched.insert(path.clone());
        self.local_file = has_place.then_some(path);
    }

    /// A path of the settings: it is relative to the folder of the file, or else to where the process runs.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        let folder = self.file.as_deref().and_then(Path::parent);
        folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    fn add(
        &mut self,
        path: &Path,
        read: Result<Option<Tree>>,
        variables: &BTreeMap<String, String>,
    ) {
        self.watched.insert(path.to_owned());
        if self.file.is_none() && matches!(read, Ok(Some(_))) {
            self.file = Some(path.to_owned());
        }
        let directory = path.parent().unwrap_or(Path::new(""));
        self.merge(directory, read, variables);
    }

    fn merge(
        &mut self,
        directory: &Path,
        read: Result<Option<Tree>>,
        variables: &BTreeMap<String, String>,
    ) {
        if let Some(tree) = self.resolved(directory, read, variables) {
            self.files.merge(tree);
        }
    }

    /// What was read, with what its references lead to.
    fn resolved(
        &mut self,
        directory: &Path,
        read: Result<Option<Tree>>,
        variables: &BTreeMap<String, String>,
    ) -> Option<Tree> {
        let mut tree = match read {
            Ok(tree) => tree?,
            Err(error) => {
                self.errors.push(error);
                return None;
            }
        };
        let mut interpolation = Interpolation::new(variables, directory);
        interpolation.apply(&mut tree, &mut self.errors);
        self.watched.extend(interpolation.files);
        self.misshapen
            .extend(Misshapen::take(&mut tree, &self.defaults));
        Some(tree)
    }

    /// The same files and variables, with other changes of operators.
    pub(super) fn with_overrides(&self, overrides: Overrides) -> Self {
        Self {
            defaults: self.defaults.clone(),
            files: self.files.clone(),
            environment: self.environment.clone(),
            arguments: self.arguments.clone(),
            local: self.local.clone(),
            overrides,
            code: self.code.clone(),
            file: self.file.clone(),
            local_file: self.local_file.clone(),
            profile: self.profile.clone(),
            watched: self.watched.clone(),
            misshapen: self.misshapen.clone(),
            // They were told when the files were read.
            errors: Vec::new(),
        }
    }

    /// The same, as if operators had persisted what they have in the other.
    pub(super) fn with_local_of(&self, other: &Self) -> Self {
        Self {
            local: other.local.clone(),
            ..self.with_overrides(self.overrides.clone())
        }
    }

    /// Whether the files of the other say the same.
    pub(super) fn has_same_files(&self, other: &Self) -> bool {
        self.files.same(&other.files) && self.local.same(&other.local)
    }

    /// Lays them over each other, and checks the result.
    pub(super) fn join(mut self) -> Draft {
        let errors = std::mem::take(&mut self.errors);
        let layers = Arc::new(self);
        // A layer that is missing would only make errors that are none. A value that is missing has a place.
        let is_reference = |error: &Error| error.code() == code::CONFIG_REFERENCE;
        match errors.iter().all(is_reference) {
            true => Draft::with_sources(layers, &[]).and(errors),
            false => Draft::broken(layers, errors),
        }
    }

    /// All layers as one, with what the sources gave laid between.
    pub(super) fn tree(&self, sources: &[ConfigLayer], errors: &mut Vec<Error>) -> Tree {
        let mut tree = self.defaults.clone();
        tree.merge(self.files.clone());
        for source in sources {
            source.lay_over(&mut tree, errors);
        }
        environment::apply(&mut tree, self.environment.iter().cloned(), errors);
        for (path, text) in &self.arguments {
            let origin = Origin::Argument(path.as_str().into());
            match path::parse(path) {
                Some(path) => tree.set(&path, scalar(text, origin)),
                None => errors.push(path::no_path(path, &origin)),
            }
        }
        tree.merge(self.local.clone());
        tree.merge(self.overrides.tree());
        for (path, value) in &self.code {
            match path::parse(path) {
                Some(path) => tree.set(&path, Tree::from_json(value.clone(), &Origin::Code)),
                None => errors.push(path::no_path(path, &Origin::Code)),
            }
        }
        tree
    }
}

/// Without the values: some of them are secrets.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("file", &self.file)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// The file of a profile: `config.production.yaml`, beside `config.yaml`.
fn beside(file: Option<&Path>, profile: &str) -> Result<PathBuf> {
    let refuse = |message: String, help: &str| {
        Error::new(code::CONFIG_INVALID, message)
            .with_help(help)
            .from_origin(format!("profile {profile}"))
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !profile.chars().all(is_word) {
        // It becomes part of a path.
        let message = format!("`{profile}` is not the name of a profile");
        return Err(refuse(
            message,
            "write letters, digits, `-` and `_`: `production`",
        ));
    }
    if profile == local::RESERVED {
        let message = format!("`{profile}` can't be a profile: its file is that of operators");
        return Err(refuse(message, "give it another name: `dev`"));
    }
    let Some(file) = file else {
        let message = format!("there is no file for the profile `{profile}` to stand beside");
        return Err(refuse(message, "unset `CHASSIS_PROFILE`, or name a file"));
    };
    let (stem, ending) = (file.file_stem(), file.extension());
    let stem = stem.unwrap_or_default().to_string_lossy();
    let ending = ending.map_or("yaml".into(), |ending| ending.to_string_lossy());
    Ok(file.with_file_name(format!("{stem}.{profile}.{ending}")))
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
