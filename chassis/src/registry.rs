//! Which plugins there are, and which instances the configuration makes of them.

use crate::{
    config::{Config, ConfigBuilder, Draft, Origin, PluginSection, Sections},
    error::{Error, Fix, Result, code},
    graph::Node,
    info::{Stage, check_name},
    plugin::{Linked, LinkedCrate, Registration},
    point::{LinkedPoint, PointInfo},
    points, text,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// All plugins that are known, by name, and all points that are linked.
pub(crate) struct Registry {
    plugins: BTreeMap<Arc<str>, Registration>,
    pub(crate) points: Vec<(Arc<PointInfo>, &'static LinkedPoint)>,
}

/// Whether the sources of configuration have been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Not,
    Already,
}

/// An instance that the configuration asks for.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: Arc<str>,
    pub(crate) registration: Registration,
    pub(crate) section: PluginSection,
}

impl Spec {
    pub(crate) fn is_enabled(&self) -> bool {
        self.section.enabled.unwrap_or(true)
    }

    pub(crate) fn is_required(&self) -> bool {
        self.section
            .required
            .unwrap_or(self.registration.info.required)
    }

    /// Whether it is built before the others, and may give configuration to them.
    pub(crate) fn is_early(&self) -> bool {
        self.is_enabled() && self.registration.info.stage == Stage::Bootstrap
    }

    /// What is wrong with its settings; of who is disabled nobody asks.
    pub(crate) fn check(&self) -> Vec<Error> {
        match self.is_enabled() {
            true => self.registration.check(&self.section),
            false => Vec::new(),
        }
    }

    /// Says of an error where the instance is configured, if anybody has.
    pub(crate) fn placed(&self, error: Error) -> Error {
        match &self.section.origin {
            Origin::Default => error,
            origin => error.from_origin(origin.to_string()),
        }
    }

    /// What it holds and can't be there twice; nothing if it is disabled.
    pub(crate) fn holds(&self) -> Result<BTreeSet<String>> {
        match self.is_enabled() {
            true => self.registration.holds(&self.section),
            false => Ok(BTreeSet::new()),
        }
    }

    /// What the order of plugins is computed from.
    pub(crate) fn node(&self) -> Node {
        self.registration.info.node(&self.name)
    }
}

impl Registry {
    /// The plugins that are linked (unless `linked` says no), and those given by hand. All errors are gathered.
    pub(crate) fn new(linked: bool, by_hand: Vec<Registration>) -> Result<Self> {
        let mut errors = Vec::new();
        let mut plugins: BTreeMap<Arc<str>, Registration> = BTreeMap::new();
        let mut found = Vec::new();
        if linked {
            for Linked(registration) in inventory::iter::<Linked> {
                match registration() {
                    Ok(registration) => found.push(registration),
                    Err(error) => errors.push(error),
                }
            }
        }
        // Never by link order.
        found.sort_by(|one, other| one.info.origin.cmp(&other.info.origin));
        for registration in by_hand {
            // `.plugin::<X>()` of a plugin that is linked as well is the same plugin.
            let same = |other: &Registration| {
                other.type_id.is_some()
                    && other.type_id == registration.type_id
                    && other.info.name == registration.info.name
            };
            if !found.iter().any(same) {
                found.push(registration);
            }
        }
        for registration in found {
            match plugins.get(&registration.info.name) {
                Some(other) => errors.push(twice(other, &registration)),
                None => _ = plugins.insert(Arc::clone(&registration.info.name), registration),
            }
        }
        let points = points::linked().unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        let registry = Self { plugins, points };
        if linked {
            errors.extend(registry.silent_crates());
        }
        Error::all(errors).map_or(Ok(registry), Err)
    }

    /// The crates of `chassis::link!` that have registered nothing.
    fn silent_crates(&self) -> impl Iterator<Item = Error> {
        let speaks = |krate: &str| {
            self.plugins
                .values()
                .any(|plugin| plugin.info.krate == krate)
                || self
                    .points
                    .iter()
                    .any(|(_, point)| point.krate.replace('-', "_") == krate)
        };
        let silent = inventory::iter::<LinkedCrate>
            .into_iter()
            .filter(move |linked| !speaks(linked.krate));
        silent.map(|LinkedCrate { krate, place }| {
            let message = format!(
                "`chassis::link!` lists `{krate}`, but it registers no plugin and no point"
            );
            Error::new(code::NOT_LINKED, message)
                .from_origin(format!("{}:{}", place.file, place.line))
                .with_help("is `#[plugin]` missing in that crate, or is it the wrong crate?")
        })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Registration> {
        self.plugins.get(name)
    }

    /// The instances that a configuration makes, by name, and what is wrong with it.
    pub(crate) fn instances(&self, sections: &Sections) -> (Vec<Spec>, Vec<Error>) {
        let mut errors = Vec::new();
        let mut specs: BTreeMap<Arc<str>, Spec> = BTreeMap::new();
        for (name, registration) in &self.plugins {
            let spec = Spec {
                name: Arc::clone(name),
                registration: registration.clone(),
                section: sections.get(name),
            };
            specs.insert(Arc::clone(name), spec);
        }
        for name in sections.names() {
            let section = sections.get(name);
            match self.further(name, &section) {
                Ok(None) => {}
                Ok(Some(registration)) => {
                    let name: Arc<str> = name.into();
                    let spec = Spec {
                        name: Arc::clone(&name),
                        registration: registration.clone(),
                        section,
                    };
                    specs.insert(name, spec);
                }
                Err(error) => errors.push(error.from_origin(section.origin.to_string())),
            }
        }
        (specs.into_values().collect(), errors)
    }

    /// A configuration that was found right as far as it goes: with the plugins' own settings, because a misspelt key is
    /// not a plugin that failed, but a configuration that is wrong.
    ///
    /// As long as the sources have not been asked, what is missing is no mistake: it may come from there.
    pub(crate) fn accept(&self, draft: Draft, asked: Asked) -> Result<Config> {
        let (specs, mut errors) = self.instances(draft.sections());
        let waits = asked == Asked::Not && specs.iter().any(Spec::is_early);
        for spec in specs.iter().filter(|spec| spec.section.is_whole()) {
            let mut found = spec.check();
            if waits && !spec.is_early() {
                found.retain(|error| error.code() != code::CONFIG_MISSING);
            }
            errors.extend(found);
        }
        draft.finish(errors, |section| {
            let name = section.use_.as_deref().unwrap_or(&section.name);
            self.get(name).map(|registration| (registration.schema)())
        })
    }

    /// What is wrong with the settings of an instance that is disabled; of those others nobody asks. What is missing may come
    /// until it is enabled.
    pub(crate) fn check_disabled(&self, config: &Config, name: &str) -> Result<()> {
        let (specs, _) = self.instances(config.sections());
        let spec = specs.iter().find(|spec| *spec.name == *name);
        let Some(spec) = spec.filter(|spec| !spec.is_enabled()) else {
            return Ok(());
        };
        let mut errors = spec.registration.check(&spec.section);
        errors.retain(|error| error.code() != code::CONFIG_MISSING);
        ConfigBuilder::all(errors).map_or(Ok(()), Err)
    }

    /// The schema of each plugin's own settings, by the name of the plugin; the description is that of the plugin.
    pub(crate) fn all_schemas(&self) -> Vec<(Arc<str>, Value)> {
        let described = |plugin: &Registration| {
            let mut schema = (plugin.schema)();
            schema["description"] = plugin.info.description.clone().into();
            schema
        };
        self.plugins
            .iter()
            .map(|(name, plugin)| (Arc::clone(name), described(plugin)))
            .collect()
    }

    /// The schema of each instance's own settings, by the name of the instance.
    pub(crate) fn schemas(&self, config: &Config) -> Vec<(Arc<str>, Value)> {
        let (specs, _) = self.instances(config.sections());
        let schema = |spec: &Spec| (Arc::clone(&spec.name), (spec.registration.schema)());
        specs.iter().map(schema).collect()
    }

    /// The plugin that a section makes a further instance of, if it does.
    fn further(&self, name: &str, section: &PluginSection) -> Result<Option<&Registration>> {
        let Some(of) = section.use_.as_deref() else {
            return self.get(name).map(|_| None).ok_or_else(|| {
                // Only if nothing else can be meant: `cache-2` may be another plugin, which is not linked yet.
                let named = self.get(&hyphened(name));
                let fix = named.map(|named| Fix::Rename {
                    to: named.info.name.to_string(),
                });
                self.unlinked(name).with_fix(fix)
            });
        };
        check_name(name)?;
        if of != name && self.get(name).is_some() {
            let message =
                format!("`{name}` is a plugin itself, so it can't be an instance of `{of}`");
            return Err(
                Error::new(code::DUPLICATE, message).with_help("give the instance another name")
            );
        }
        self.get(of)
            .map(|registration| (of != name).then_some(registration))
            .ok_or_else(|| self.unlinked(of))
    }

    fn unlinked(&self, name: &str) -> Error {
        let near = self.near(name);
        let hyphened = hyphened(name);
        let help = if !near.is_empty() {
            format!("did you mean {}?", text::quoted(near))
        } else if check_name(name).is_err() && check_name(&hyphened).is_ok() {
            // Or else one would look for a crate, and find it linked under the right name tomorrow.
            format!(
                "names of plugins have hyphens: `{hyphened}`; no linked crate has that either, is one missing in `chassis::link!(..)`?"
            )
        } else {
            "no linked crate has it; is one missing in `chassis::link!(..)`?".to_owned()
        };
        let message = format!("the plugin `{name}` is in the configuration, but it is not linked");
        Error::new(code::CONFIG_UNKNOWN_PLUGIN, message).with_help(help)
    }

    /// The linked plugins that may be meant.
    fn near(&self, name: &str) -> Vec<&str> {
        match self.plugins.get_key_value(&*hyphened(name)) {
            Some((hyphened, _)) => vec![hyphened],
            None => text::nearest(name, self.plugins.keys().map(|name| &**name)),
        }
    }
}

/// The name that a plugin would have here if it had this one elsewhere.
fn hyphened(name: &str) -> String {
    name.to_lowercase().replace(['_', ' '], "-")
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.plugins.keys()).finish()
    }
}

fn twice(one: &Registration, other: &Registration) -> Error {
    let (name, one, other) = (&one.info.name, &one.info.origin, &other.info.origin);
    let message = format!("two plugins are called `{name}`: one from {one}, one from {other}");
    Error::new(code::DUPLICATE, message)
        .with_help("give one of them another name: `#[plugin(name = \"..\")]`")
}
