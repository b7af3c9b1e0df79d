//! What becomes of each instance in the next generation: it goes on as it is if nothing of it is other, and nothing that
//! it requires.

use super::{Lineup, Past, exclusive::Way, fixed};
use crate::{
    config::Config,
    error::Result,
    generation::Generation,
    graph::Order,
    health::Check,
    instance::{Instance, Terms},
    registry::{Registry, Spec},
    text,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// What is to be built anew although nothing of it has changed.
#[derive(Clone, Debug, Default)]
pub(crate) enum Anew {
    #[default]
    Nothing,
    /// This one, and with it all that require it.
    One(Arc<str>),
    All,
}

/// What becomes of an instance in a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReloadAction {
    /// It goes on as it is, with its connections, caches and tasks.
    Carried,
    /// It is built anew, and stopped once the last request has left it.
    Rebuilt,
    /// It was not there before, or did not run.
    Added,
    /// It is stopped once the last request has left it.
    Removed,
    /// It does not run, before as after.
    Idle,
}

/// What becomes of one instance in a reload, and why.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PlannedChange {
    /// The instance.
    pub plugin: Arc<str>,
    /// What becomes of it.
    pub action: ReloadAction,
    /// Why it can't go on as it is.
    pub why: Option<String>,
    /// What of the chassis' own keys is other in its section: these apply to it without a rebuild.
    pub settings: Vec<&'static str>,
    /// Why the instance that there is has to stop before the next is built: what it holds can't be there twice. Until the next
    /// one serves, its routes are answered 503.
    pub stops_first: Option<String>,
}

/// What a configuration would change of a generation. Nothing is built.
pub(crate) fn changes(
    registry: &Registry,
    config: &Config,
    before: &Generation,
    anew: &Anew,
) -> Result<Vec<PlannedChange>> {
    fixed::check(before.config.settings(), config)?;
    let lineup = Lineup::of(registry, config)?;
    let past = Past::of(before);
    Ok(past.plan(&lineup, anew)?.0)
}

impl Past {
    /// What becomes of the instances of a configuration, by their nodes, and how way is made for some.
    pub(super) fn plan(&self, lineup: &Lineup, anew: &Anew) -> Result<(Vec<PlannedChange>, Way)> {
        let Lineup {
            specs,
            order,
            holds,
            ..
        } = lineup;
        let mut changes = Before::of(self).plan(specs, order, anew);
        let way = Way::of(self, specs, order, holds, &changes)?;
        for change in &mut changes {
            change.stops_first = way.stops.get(&change.plugin).cloned();
        }
        Ok((changes, way))
    }

    pub(super) fn instance(&self, name: &str) -> Option<&Arc<Instance>> {
        let mut instances = self.instances.iter();
        instances.find(|instance| **instance.name() == *name)
    }
}

/// The instances that there are before, in the order of the next generation's nodes.
struct Before<'a> {
    generation: &'a Past,
    nodes: BTreeMap<&'a str, usize>,
    instances: BTreeMap<&'a str, &'a Arc<Instance>>,
}

impl<'a> Before<'a> {
    fn of(generation: &'a Past) -> Self {
        let nodes = generation.nodes.iter().enumerate();
        let instances = generation.instances.iter();
        Self {
            generation,
            nodes: nodes.map(|(index, node)| (&*node.name, index)).collect(),
            instances: instances.map(|one| (&**one.name(), one)).collect(),
        }
    }

    fn instance(&self, name: &str) -> Option<&'a Arc<Instance>> {
        self.instances.get(name).copied()
    }

    /// The names of what an instance requires, capabilities resolved.
    fn required(&self, name: &str) -> BTreeSet<&'a str> {
        let node = self.nodes.get(name);
        let required = node.map(|&node| &self.generation.order.requires[node]);
        let nodes = &self.generation.nodes;
        let names = required
            .into_iter()
            .flatten()
            .map(|&node| &*nodes[node].name);
        names.collect()
    }

    /// What becomes of the instances of a configuration; by their nodes.
    fn plan(&self, specs: &[Spec], order: &Order, anew: &Anew) -> Vec<PlannedChange> {
        let mut plan: Vec<PlannedChange> = specs
            .iter()
            .map(|spec| PlannedChange {
                plugin: Arc::clone(&spec.name),
                action: ReloadAction::Carried,
                why: None,
                settings: Vec::new(),
                stops_first: None,
            })
            .collect();
        // What is required comes first in this order.
        for &index in &order.sequence {
            let (action, why) = self.one(&specs[index], index, specs, order, &plan, anew);
            let old = self.generation.config.sections();
            let settings = old
                .get(&specs[index].name)
                .other_controls(&specs[index].section);
            plan[index] = PlannedChange {
                action,
                why,
                settings,
                ..plan[index].clone()
            };
        }
        let known: HashSet<&str> = specs.iter().map(|spec| &*spec.name).collect();
        let gone = self.generation.records.iter();
        let gone =
            gone.filter(|record| !known.contains(&*record.name) && record.state().is_alive());
        plan.extend(gone.map(|record| PlannedChange {
            plugin: Arc::clone(&record.name),
            action: ReloadAction::Removed,
            why: Some("nothing in the configuration makes it any more".to_owned()),
            settings: Vec::new(),
            stops_first: None,
        }));
        plan
    }

    fn one(
        &self,
        spec: &Spec,
        index: usize,
        specs: &[Spec],
        order: &Order,
        plan: &[PlannedChange],
        anew: &Anew,
    ) -> (ReloadAction, Option<String>) {
        use ReloadAction::{Added, Carried, Idle, Rebuilt, Removed};
        let name = &*spec.name;
        let record = self.nodes.get(name);
        let record = record.map(|&node| &self.generation.records[node]);
        let instance = self
            .instance(name)
            .filter(|instance| instance.record.state().is_alive());
        if !spec.is_enabled() {
            let at = spec.section.enabled_at();
            return match instance {
                Some(_) => (Removed, Some(format!("`enabled: false` at {at}"))),
                None => (Idle, Some(format!("`enabled: false` at {at}"))),
            };
        }
        // It will be blocked, as far as is known now: what is built may still fail.
        let missing = order.requires[index].iter().map(|&other| &plan[other]);
        let mut missing = missing.filter(|other| matches!(other.action, Idle | Removed));
        if let Some(other) = missing.next() {
            let why = format!("it requires `{}`, which does not run", other.plugin);
            return match instance {
                Some(_) => (Removed, Some(why)),
                None => (Idle, Some(why)),
            };
        }
        let Some(instance) = instance else {
            let why = match record {
                Some(record) => format!("it was {}", record.state()),
                None => "it is new".to_owned(),
            };
            return (Added, Some(why));
        };
        let rebuilt = |why: String| (Rebuilt, Some(why));
        if !Arc::ptr_eq(&instance.record.info, &spec.registration.info) {
            let (old, new) = (&instance.record.info.name, &spec.registration.info.name);
            return rebuilt(format!(
                "it was an instance of `{old}`, and is one of `{new}`"
            ));
        }
        let old = self.generation.config.sections().get(name);
        if !old.same_config(&spec.section) {
            return rebuilt("its settings have changed".to_owned());
        }
        match anew {
            Anew::All => return rebuilt("all are to be built anew".to_owned()),
            Anew::One(asked) if **asked == *name => {
                return rebuilt("it is to be built anew".to_owned());
            }
            _ => {}
        }
        let required = order.requires[index].iter();
        let names: BTreeSet<&str> = required.map(|&other| &*specs[other].name).collect();
        let before = self.required(name);
        if names != before {
            let list = |names: &BTreeSet<&str>| match names.is_empty() {
                true => "nothing".to_owned(),
                false => text::quoted(names.iter().copied()),
            };
            let (now, before) = (list(&names), list(&before));
            return rebuilt(format!("it requires {now} now, and {before} before"));
        }
        let mut others = order.requires[index]
            .iter()
            .map(|&other| &plan[other])
            .filter(|other| other.action != Carried);
        match others.next() {
            Some(other) => rebuilt(format!(
                "it requires `{}`, which does not go on as it is",
                other.plugin
            )),
            None => (Carried, None),
        }
    }
}

/// What the configuration says now of an instance that goes on as it is; told to it once the generation serves.
#[derive(Debug)]
pub(crate) struct Renewed {
    pub(super) instance: Arc<Instance>,
    pub(super) terms: Terms,
    /// Its health checks, as they would be if it were new.
    pub(super) checks: Vec<Arc<Check>>,
}

impl Renewed {
    pub(crate) fn apply(self) {
        let record = &self.instance.record;
        record.set_terms(self.terms);
        for new in self.checks {
            let mut all = record.all_checks().iter();
            if let Some(check) = all.find(|check| check.name == new.name) {
                check.set_controls(new.controls());
            }
        }
        // One that nobody asks any more has no say.
        record.follow_checks();
    }
}
