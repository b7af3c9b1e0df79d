//! `plugins.NAME`: what is ours (how the plugin takes part) and what is the plugin's (`config:`).

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    beside,
    events::WhenFull,
    path,
    section::{self, invalid, is_said, read},
    tree::{Node, Origin, Tree},
    units,
    violations::Violations,
};
use crate::error::{Error, Fix, Result};

/// The keys that are ours.
pub(super) const KEYS: &[&str] = &[
    "enabled",
    "required",
    "use",
    "priority",
    "points",
    "deadlines",
    "limits",
    "tags",
    "config",
];

/// What a configuration says of all plugins, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sections {
    all: BTreeMap<String, PluginSection>,
    /// Whether nobody can tell what it says of them.
    pub(super) are_lost: bool,
}

impl Sections {
    /// Those of a configuration that can't be read.
    pub(super) fn lost() -> Self {
        Self {
            all: BTreeMap::new(),
            are_lost: true,
        }
    }

    pub(super) fn insert(&mut self, section: PluginSection) {
        self.all.insert(section.name.clone(), section);
    }

    /// Something that may be meant for the plugin of this name, unless there is its section.
    pub(super) fn insert_unclear(&mut self, name: &str, tree: &Tree) {
        let unclear = || PluginSection {
            doubt: Some(Doubt::Plugin),
            ..PluginSection::broken(name, tree)
        };
        self.all.entry(name.to_owned()).or_insert_with(unclear);
    }

    /// What is said of this plugin, which may be nothing.
    pub(crate) fn get(&self, name: &str) -> PluginSection {
        let said = self.all.get(name).cloned();
        said.unwrap_or_else(|| PluginSection {
            doubt: self.are_lost.then_some(Doubt::Settings),
            ..PluginSection::absent(name)
        })
    }

    /// The plugins and instances that are mentioned, by name; not those of which nobody knows whose instances they are.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let known = self.all.values();
        known
            .filter(|section| section.doubt != Some(Doubt::Plugin))
            .map(|section| &*section.name)
    }

    /// What is wrong with the keys beside `config:`, as far as the schemas tell.
    pub(super) fn beside(
        &self,
        schema: impl Fn(&PluginSection) -> Option<Value>,
    ) -> impl Iterator<Item = Error> {
        let with_some = self
            .all
            .values()
            .filter(|section| !section.beside.is_empty());
        with_some.flat_map(move |section| {
            let schema = match section.doubt {
                Some(Doubt::Plugin) => None,
                _ => schema(section),
            };
            beside::judge(section, schema.as_ref())
        })
    }
}

/// What of a section can't be understood; it is told already, so nothing more is to be looked for there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// How the plugin takes part.
    Settings,
    /// Which plugin it is.
    Plugin,
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
    /// How long its steps and its handlers may take.
    pub(crate) deadlines: DeadlineControls,
    pub(crate) limits: LimitControls,
    /// Words to find it by.
    pub(crate) tags: Vec<String>,
    /// The plugin's own settings.
    pub(crate) config: Option<Tree>,
    /// Where the section is.
    pub(crate) origin: Origin,
    /// Where `enabled` is said.
    enabled_at: Option<Origin>,
    /// Where its points are.
    places: BTreeMap<String, Origin>,
    /// Keys beside `config:` that are not ours.
    pub(super) beside: Vec<(String, Tree)>,
    pub(super) doubt: Option<Doubt>,
}

/// What can be set for what one plugin contributes to one point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PointControls {
    /// Replaces its priority there.
    pub(crate) priority: Option<i32>,
    /// How long its handler may take there. Default: `deadlines.call`.
    #[serde(with = "units::Time")]
    pub(crate) deadline: Option<Duration>,
}

/// How long a plugin may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeadlineControls {
    /// For `init`. Default: `lifecycle.init_deadline`.
    #[serde(with = "units::Time")]
    pub(crate) init: Option<Duration>,
    /// For `start`. Default: `lifecycle.start_deadline`.
    #[serde(with = "units::Time")]
    pub(crate) start: Option<Duration>,
    /// For `stop`. Default: `lifecycle.stop_deadline`.
    #[serde(with = "units::Time")]
    pub(crate) stop: Option<Duration>,
    /// For each call of a handler or route that awaits; not for those of a router that the plugin mounts. Default: as the
    /// handler or its point says.
    #[serde(with = "units::Time")]
    pub(crate) call: Option<Duration>,
}

/// How much a plugin may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitControls {
    /// How many calls of each of its handlers and routes that await may be under way; further ones are refused with 503.
    /// Not for those of a router that the plugin mounts. Default: any number.
    pub(crate) in_flight: Option<NonZeroU32>,
    /// How many events may wait for it. Default: `events.queue`.
    pub(crate) queue: Option<NonZeroU32>,
    /// What becomes of further events. Default: `events.when_full`.
    pub(crate) when_full: Option<WhenFull>,
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
    /// How long its steps and its handlers may take.
    deadlines: DeadlineControls,
    /// How much it may take.
    limits: LimitControls,
    /// Words to find it by, beside those of the plugin itself.
    tags: Vec<String>,
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
            deadlines: DeadlineControls::default(),
            limits: LimitControls::default(),
            tags: Vec::new(),
            config: None,
            origin: Origin::Default,
            enabled_at: None,
            places: BTreeMap::new(),
            beside: Vec::new(),
            doubt: None,
        }
    }

    /// One that is there, but says nothing that can be understood.
    pub(super) fn broken(name: &str, tree: &Tree) -> Self {
        Self {
            origin: tree.place().clone(),
            doubt: Some(Doubt::Settings),
            ..Self::absent(name)
        }
    }

    /// As far as it can be understood. What stands beside `config:` is judged by whoever knows the plugin.
    pub(super) fn parse(name: &str, tree: &Tree, errors: &mut Vec<Error>) -> Self {
        let mut found = Vec::new();
        let mut ours = tree.clone();
        let config = ours.remove(&["config".to_owned()]);
        let mut beside = Vec::new();
        for (key, value) in tree.as_map().into_iter().flatten() {
            if !KEYS.contains(&&**key) {
                beside.push((key.clone(), value.clone()));
                ours.remove(std::slice::from_ref(key));
            }
        }
        let points = tree.get("points").and_then(Tree::as_map);
        let places = points.into_iter().flatten();
        let places = places.map(|(point, value)| (point.clone(), value.key_place().clone()));
        let places = places.collect();
        found.extend(bare_priorities(name, &mut ours));
        if let Some(config) = config
            .as_ref()
            .filter(|config| !matches!(config.node, Node::Map(_) | Node::Null))
        {
            let path = path::show(["plugins", name, "config"]);
            found.push(invalid(
                &path,
                config.place(),
                &format!("expected a map, found {}", config.kind()),
            ));
        }
        let controls = read::<Controls>(Some(&ours), &["plugins", name]);
        let controls = controls.unwrap_or_else(|errors| {
            found.extend(errors);
            Controls {
                r#use: ours.get("use").and_then(Tree::as_text).map(str::to_owned),
                ..Controls::default()
            }
        });
        if let Some(of) = ours.get("use").filter(|of| of.as_text() == Some("")) {
            let path = path::show(["plugins", name, "use"]);
            found.push(invalid(&path, of.place(), "it is empty"));
        }
        let controls = Controls {
            r#use: controls.r#use.filter(|of| !of.is_empty()),
            ..controls
        };
        let doubt = match (&controls.r#use, ours.get("use")) {
            _ if found.is_empty() => None,
            (None, Some(_)) => Some(Doubt::Plugin),
            _ => Some(Doubt::Settings),
        };
        errors.extend(found.into_iter().map(|error| error.in_plugin(name)));
        Self {
            name: name.to_owned(),
            enabled: controls.enabled,
            required: controls.required,
            use_: controls.r#use,
            priority: controls.priority,
            points: controls.points,
            deadlines: controls.deadlines,
            limits: controls.limits,
            tags: controls.tags,
            config,
            origin: tree.place().clone(),
            enabled_at: tree.get("enabled").map(|enabled| enabled.origin.clone()),
            places,
            beside,
            doubt,
        }
    }

    /// Whether all of it can be understood.
    pub(crate) fn is_whole(&self) -> bool {
        self.doubt.is_none() && self.beside.is_empty()
    }

    /// Where it says whether the plugin takes part.
    pub(crate) fn enabled_at(&self) -> &Origin {
        self.enabled_at.as_ref().unwrap_or(&self.origin)
    }

    /// Where it says something of this point.
    pub(crate) fn place_of(&self, point: &str) -> &Origin {
        self.places.get(point).unwrap_or(&self.origin)
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
        let who = |section: &Self| (section.enabled, section.use_.clone());
        who(self) == who(other) && self.other_controls(other).is_empty() && self.same_config(other)
    }

    /// Which keys that are ours say something else in the other: none of these needs an instance that is built anew.
    pub(crate) fn other_controls(&self, other: &Self) -> Vec<&'static str> {
        let all = [
            ("required", self.required != other.required),
            ("priority", self.priority != other.priority),
            ("points", self.points != other.points),
            ("deadlines", self.deadlines != other.deadlines),
            ("limits", self.limits != other.limits),
            ("tags", self.tags != other.tags),
        ];
        let others = all.into_iter().filter(|(_, is_other)| *is_other);
        others.map(|(key, _)| key).collect()
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

/// Points with a number instead of a map, which can only be a priority; taken out.
fn bare_priorities(name: &str, ours: &mut Tree) -> Vec<Error> {
    let points = ours.get("points").and_then(Tree::as_map);
    let bare = points.into_iter().flatten();
    let bare: Vec<(String, Tree)> = bare
        .filter(|(_, value)| matches!(&value.node, Node::Number(number) if !number.is_f64()))
        .map(|(point, value)| (point.clone(), value.clone()))
        .collect();
    let error = |(point, value): (String, Tree)| {
        ours.remove(&["points".to_owned(), point.clone()]);
        let path = path::show(["plugins", name, "points", &*point]);
        let error = invalid(&path, value.place(), "expected a map, found an integer");
        match &value.node {
            Node::Number(number) if !value.origin.is_elsewhere() => {
                let with = format!("{{priority: {number}}}");
                let error = error.with_help(format!("write `{with}`"));
                error.with_fix(Fix::Replace { with })
            }
            _ => error.with_help("write `{priority: ..}`"),
        }
    };
    bare.into_iter().map(error).collect()
}
