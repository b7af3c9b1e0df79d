//! What can't be there twice: who holds it has to stop before whoever is to hold it next is built.

use super::{Making, Past, PlannedChange, ReloadAction, hand_over::hand_over, log_failure};
use crate::{
    error::{Error, Result, code},
    graph::Order,
    info::Stage,
    registry::Spec,
    text,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What each instance of a configuration holds, by its place; an error if two hold the same.
pub(super) fn holdings(specs: &[Spec]) -> Result<Vec<BTreeSet<String>>> {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    let mut holders: BTreeMap<String, &Spec> = BTreeMap::new();
    for spec in specs {
        let holds = match spec.holds() {
            Ok(holds) => holds,
            Err(error) => {
                errors.push(error);
                BTreeSet::new()
            }
        };
        for resource in &holds {
            if let Some(other) = holders.insert(resource.clone(), spec) {
                errors.push(twice(other, spec, resource));
            }
        }
        all.push(holds);
    }
    Error::all(errors).map_or(Ok(all), Err)
}

fn twice(one: &Spec, other: &Spec, resource: &str) -> Error {
    let (first, second) = (&one.name, &other.name);
    let message =
        format!("`{first}` and `{second}` both hold `{resource}`, which can't be there twice");
    Error::new(code::EXCLUSIVE, message)
        .in_plugin(Arc::clone(second))
        .from_origin(other.section.origin.to_string())
        .with_help(
            "give one of them another in its `config:`, or set `enabled: false` in its section",
        )
}

/// How way is made for what can't be there twice.
#[derive(Default)]
pub(super) struct Way {
    /// The old instances that are stopped first, and why.
    pub(super) stops: BTreeMap<Arc<str>, String>,
    /// The new ones that are built then, by their places.
    pub(super) late: BTreeSet<usize>,
}

impl Way {
    /// What has to stop first, so that a configuration can be built beside the past.
    pub(super) fn of(
        past: &Past,
        specs: &[Spec],
        order: &Order,
        holds: &[BTreeSet<String>],
        changes: &[PlannedChange],
    ) -> Result<Self> {
        let mut way = Self::default();
        let goes_on: BTreeSet<&str> = changes
            .iter()
            .filter(|change| change.action == ReloadAction::Carried)
            .map(|change| &*change.plugin)
            .collect();
        let held: BTreeMap<&str, &Arc<str>> = past
            .instances
            .iter()
            .filter(|instance| !goes_on.contains(&**instance.name()))
            .flat_map(|instance| {
                let resources = instance.record.holds.iter();
                resources.map(move |resource| (&**resource, instance.name()))
            })
            .collect();
        if held.is_empty() {
            return Ok(way);
        }
        for (index, spec) in specs.iter().enumerate() {
            if goes_on.contains(&*spec.name) || !spec.is_enabled() {
                continue;
            }
            for resource in &holds[index] {
                let Some(&holder) = held.get(&**resource) else {
                    continue;
                };
                way.late.insert(index);
                let why = match *holder == spec.name {
                    true => format!("it holds `{resource}`, which can't be there twice"),
                    false => format!("it holds `{resource}`, which `{}` is to hold", spec.name),
                };
                way.stops.entry(Arc::clone(holder)).or_insert(why);
            }
        }
        way.follow(past, order);
        way.check_stages(past, specs)?;
        Ok(way)
    }

    /// Who requires what stops has to stop before it, and who requires what is built late is built after that.
    fn follow(&mut self, past: &Past, order: &Order) {
        for &index in &past.order.sequence {
            let name = &past.nodes[index].name;
            let mut required = past.order.requires[index].iter();
            let stopped = required.find(|&&other| self.stops.contains_key(&past.nodes[other].name));
            let is_there = past.instances.iter().any(|one| one.name() == name);
            if let Some(&other) = stopped.filter(|_| is_there) {
                let why = format!(
                    "it requires `{}`, which is stopped first",
                    past.nodes[other].name
                );
                self.stops.entry(Arc::clone(name)).or_insert(why);
            }
        }
        for &index in &order.sequence {
            let mut required = order.requires[index].iter();
            if required.any(|other| self.late.contains(other)) {
                self.late.insert(index);
            }
        }
    }

    /// What is built first can't be built last.
    fn check_stages(&self, past: &Past, specs: &[Spec]) -> Result<()> {
        let is_early = |stage: Stage| stage == Stage::Bootstrap;
        let old = past.records.iter();
        let old = old.filter(|record| self.stops.contains_key(&record.name));
        let old = old.filter(|record| is_early(record.info.stage));
        let new = self.late.iter().map(|&index| &specs[index]);
        let new = new.filter(|spec| is_early(spec.registration.info.stage));
        let names = old.map(|record| &*record.name);
        let names: BTreeSet<&str> = names.chain(new.map(|spec| &*spec.name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let names = text::quoted(names);
        let message = format!(
            "{names} would have to be stopped before it is built anew, and what is built at the stage `bootstrap` can't be"
        );
        Err(Error::new(code::NEEDS_RESTART, message)
            .with_help("put its old settings back, or restart the process"))
    }
}

impl Making<'_> {
    /// Has the old instances stopped that hold what the late ones need. What they hand over is made before.
    pub(super) async fn make_way(&mut self) -> Result<()> {
        let mut failed = BTreeSet::new();
        for &index in &self.way.late.clone() {
            let Some((old, previous)) = self.predecessor(index) else {
                continue;
            };
            match hand_over(&old, &previous.handed, &self.plan.workers).await {
                Ok(()) => _ = self.left.insert(index, previous),
                Err(error) => {
                    let record = &self.records[index];
                    log_failure("hand over failed", &record.name, &error);
                    record.fail(&error);
                    failed.insert(Arc::clone(&record.name));
                }
            }
        }
        self.check_required(|spec| failed.contains(&spec.name))?;
        let stops = self.way.stops.clone();
        // Nobody may hold them any more.
        let past = self.plan.before.take();
        self.plan.before = past.map(|past| Arc::new(past.without(|name| stops.contains_key(name))));
        self.plan.number = (self.plan.make_way)(stops).await?;
        Ok(())
    }
}
