//! `plugins.NAME`: what is ours (how the plugin takes part) and what is the plugin's (`config:`).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    path,
    section::{self, invalid, is_said, read},
    tree::{Node, Origin, Tree},
    violations::Violations,
};
use crate::{
    error::{Error, Result, code},
    text::did_you_mean,
};

/// The keys that are ours.
const KEYS: &[&str] = &["enabled", "required", "use", "priority", "points", "config"];

/// What a configuration says of all plugins, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sections {
    all: BTreeMap<String, PluginSection>,
    /// Those that can't be understood: told already, so nothing more is to be looked for there.
    broken: BTreeSet<String>,
}

impl Sections {
    pub(super) fn insert(&mut self, section: PluginSection) {
        self.all.insert(section.name.clone(), section);
    }

    pub(super) fn insert_broken(&mut self, name: &str) {
        self.broken.insert(name.to_owned());
    }

    /// What is said of this plugin, which may be nothing.
    pub(crate) fn get(&self, name: &str) -> PluginSection {
        let said = self.all.get(name).cloned();
        said.unwrap_or_else(|| PluginSection::absent(name))
    }

    /// Whether the section of this name can't be understood.
    pub(crate) fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(name)
    }

    /// The plugins and instances that are mentioned, by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(String::as_str)
    }
}

/// How a plugin takes part, and its own settings. Of a plugin that the configuration does not
/// mention, everything is left open.
#[derive(Clone, Debug)]
pub(crate) struct PluginSection {
    /// The name of the plugin, or of this instance of it.
    pub(crate) name: String,
    /// Whether it takes part. Left open: yes.
    pub(crate) enabled: Option<bool>,
    /// Whether the service does without it. Left open: as the plugin says.
    pub(crate) required: Option<bool>,
    /// The plugin that this is a further instance of. Left open: the one of this name.
    pub(crate) use_: Option<String>,
    /// Replaces the priority of all that it contributes.
    pub(crate) priority: Option<i32>,
    /// Replaces it at single points, by the name of the point.
    pub(crate) points: BTreeMap<String, PointControls>,
    /// The plugin's own settings.
    pub(crate) config: Option<Tree>,
    /// Where the section is.
    pub(crate) origin: Origin,
}

/// What can be set for what one plugin contributes to one point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PointControls {
    /// Replaces its priority there.
    pub(crate) priority: Option<i32>,
}

/// The keys of a section that are ours.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Controls {
    /// Whether it takes part. Default: true.
    enabled: Option<bool>,
    /// Whether the service does without it. Default: as the plugin says.
    required: Option<bool>,
    /// The plugin that this is a further instance of. Default: that of this name.
    r#use: Option<String>,
    /// Replaces the priority of all that it contributes; lower comes first. Default: as the plugin says.
    priority: Option<i32>,
    /// Replaces it at single points, by the name of the point.
    points: BTreeMap<String, PointControls>,
}

impl PluginSection {
    /// That of a plugin that is not mentioned.
    pub(super) fn absent(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            enabled: None,
            required: None,
            use_: None,
            priority: None,
            points: BTreeMap::new(),
            config: None,
            origin: Origin::Default,
        }
    }

    pub(super) fn parse(name: &str, tree: &Tree) -> Result<Self, Vec<Error>> {
        let mut errors = Vec::new();
        let mut ours = tree.clone();
        let config = ours.remove(&["config".to_owned()]);
        for (key, value) in tree.as_map().into_iter().flatten() {
            if !KEYS.contains(&&**key) {
                errors.push(flat(name, key, value));
                ours.remove(std::slice::from_ref(key));
            }
        }
        let controls = read::<Controls>(Some(&ours), &["plugins", name]);
        if let Some(config) = config
            .as_ref()
            .filter(|config| !matches!(config.node, Node::Map(_) | Node::Null))
        {
            let path = path::show(["plugins", name, "config"]);
            errors.push(invalid(
                &path,
                config.place(),
                &format!("expected a map, found {}", config.kind()),
            ));
        }
        match controls {
            Ok(controls) if errors.is_empty() => Ok(Self {
                name: name.to_owned(),
                enabled: controls.enabled,
                required: controls.required,
                use_: controls.r#use,
                priority: controls.priority,
                points: controls.points,
                config,
                origin: tree.place().clone(),
            }),
            controls => {
                errors.extend(controls.err().into_iter().flatten());
                Err(errors
                    .into_iter()
                    .map(|error| error.in_plugin(name))
                    .collect())
            }
        }
    }

    /// The plugin's own settings as its type. Nothing there is read like an empty map.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Vec<Error>> {
        // What is missing in a `config:` that is not there is missing in the section.
        let nothing = Tree::empty(self.origin.clone());
        let config = self.config.as_ref().unwrap_or(&nothing);
        section::read(Some(config), &["plugins", &self.name, "config"]).map_err(|errors| {
            errors
                .into_iter()
                .map(|error| error.in_plugin(&*self.name))
                .collect()
        })
    }

    /// Everything that is wrong with the plugin's own settings.
    pub(crate) fn check<T: DeserializeOwned>(
        &self,
        schema: fn() -> Value,
        validate: impl FnOnce(&T, &mut Violations),
    ) -> Vec<Error> {
        let nothing = Tree::empty(self.origin.clone());
        let config = self.config.as_ref().filter(|config| is_said(config));
        // A schema takes longer to make than to look into, and says nothing of nothing.
        let schema = match config {
            Some(_) => schema(),
            None => Value::Bool(true),
        };
        let path = ["plugins", &self.name, "config"];
        let config = config.unwrap_or(&nothing);
        let errors = section::check(config, &path, &schema, validate).into_iter();
        errors.map(|error| error.in_plugin(&*self.name)).collect()
    }

    /// Whether both say the same, of what is ours and of what is the plugin's.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let ours = |section: &Self| {
            let (enabled, required, priority) =
                (section.enabled, section.required, section.priority);
            (
                enabled,
                required,
                priority,
                section.use_.clone(),
                section.points.clone(),
            )
        };
        ours(self) == ours(other) && self.same_config(other)
    }

    /// Whether the plugin's own settings say the same in both: then its instance can be kept.
    pub(crate) fn same_config(&self, other: &Self) -> bool {
        let said = |section: &Self| section.config.clone().filter(is_said);
        match (said(self), said(other)) {
            (Some(a), Some(b)) => a.same(&b),
            (None, None) => true,
            _ => false,
        }
    }
}

/// A setting of the plugin's beside `config:` instead of under it, or one of ours misspelt: which of
/// them, only its author knows.
fn flat(name: &str, key: &str, value: &Tree) -> Error {
    let moved = path::show(["plugins", name, "config", key]);
    let help = match did_you_mean(key, KEYS.iter().copied()) {
        Some(near) => format!("move it to `{moved}`; or {near}"),
        None => format!("move it to `{moved}`"),
    };
    Error::new(
        code::CONFIG_UNKNOWN_KEY,
        format!("`{key}`: the plugin's own settings go under `config:`"),
    )
    .with_help(help)
    .in_plugin(name)
    .from_origin(value.key_place().to_string())
}
