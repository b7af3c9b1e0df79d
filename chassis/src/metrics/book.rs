//! All families by name, and which instance has what of them.

use super::{
    family::{Cell, Family, Series, Wanted},
    heirs::{Heir, Heirs},
    name::{self, Labels},
    refused::{MOST_NAMES, MOST_SERIES, Refused},
    sample::MetricSample,
    table::{self, Kind, PARTS},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// How many series may wait for their name. A plugin that changes the kind of one in a reload has as many as it has values of
/// labels.
const MOST_WAITING: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Book {
    /// By the name that is written.
    families: BTreeMap<String, Family>,
    /// What libraries say of metrics, mostly before the first of them is recorded.
    described: HashMap<(Kind, String), Described>,
    /// The name that is written and its unit, as they were at the first record of a library: a description that comes later
    /// does not change them.
    named: HashMap<(Kind, String), (String, Option<String>)>,
    /// The instances of each plugin that live: for a moment there are two, in a reload.
    instances: BTreeMap<Arc<str>, Vec<u64>>,
    last_id: u64,
    /// Series whose names are still taken by an older instance of the same plugin.
    waiting: Vec<Waiting>,
    /// Who goes on with series that it can't ask for beforehand.
    heirs: Heirs,
    has_told_of_names: bool,
}

#[derive(Clone, Debug)]
struct Described {
    unit: Option<String>,
    help: String,
}

/// A series that is recorded already, and is shown once its name is free.
#[derive(Debug)]
struct Waiting {
    kind: Kind,
    original: String,
    exported: String,
    help: String,
    labels: Labels,
    plugin: Arc<str>,
    id: u64,
    cell: Cell,
}

impl Book {
    /// An instance lives from now on; its number.
    pub(super) fn begin(&mut self, plugin: &Arc<str>) -> u64 {
        self.last_id += 1;
        let ids = self.instances.entry(Arc::clone(plugin)).or_default();
        ids.push(self.last_id);
        self.last_id
    }

    /// An instance is at its end, and so is what only it had; whether another one of its name lives.
    pub(super) fn end(&mut self, plugin: &str, id: u64, refused: &mut Vec<Refused>) -> bool {
        let Some(ids) = self.instances.get_mut(plugin) else {
            return false;
        };
        ids.retain(|other| *other != id);
        let successor = ids.last().copied();
        if successor.is_none() {
            self.instances.remove(plugin);
        }
        self.heirs.end(id);
        for (name, family) in &mut self.families {
            let kind = family.kind;
            family.series.retain(|labels, series| {
                series.owners.retain(|owner| *owner != id);
                // What was collected is shown until the next round, which asks the one that lives.
                if series.owners.is_empty() && series.is_collected() {
                    series.owners.extend(successor);
                } else if series.owners.is_empty() {
                    series
                        .owners
                        .extend(self.heirs.of(kind, name, labels, series));
                }
                !series.owners.is_empty() || series.plugin.is_none()
            });
        }
        self.drop_empty();
        self.waiting.retain(|waiting| waiting.id != id);
        self.admit(refused);
        successor.is_some()
    }

    /// Has an instance go on with the series of a name that those before it have recorded, or will record, with any values of the
    /// labels that are free; the labels of those that there are.
    pub(super) fn inherit(
        &mut self,
        wanted: &Wanted<'_>,
        free: &[String],
        seconds: &Arc<[f64]>,
    ) -> Vec<Labels> {
        let Some((plugin, id)) = wanted.owner.filter(|owner| self.is_alive(*owner)) else {
            return Vec::new();
        };
        let (exported, unit) = name::exported(wanted.kind, wanted.name, wanted.unit);
        let own = ("plugin", &**plugin);
        let free_ones = free.iter().map(|name| (&**name, ""));
        let labels = wanted.labels.iter().copied().chain(free_ones);
        let labels = name::labels(labels.chain([own])).into_iter();
        let heir = Heir {
            id,
            plugin: Arc::clone(plugin),
            kind: wanted.kind,
            labels: labels
                .map(|(name, value)| {
                    let fixed = (!free.contains(&name)).then_some(value);
                    (name, fixed)
                })
                .collect(),
            bounds: wanted.bounds_in(unit.as_deref(), seconds),
        };
        let family = self.families.get(&exported);
        let series = family.into_iter().flat_map(|family| &family.series);
        let inherited = series.filter(|(labels, series)| heir.is_of(wanted.kind, labels, series));
        let inherited = inherited.map(|(labels, _)| labels.clone()).collect();
        self.heirs.add(exported, heir);
        inherited
    }

    fn is_alive(&self, (plugin, id): (&Arc<str>, u64)) -> bool {
        let ids = self.instances.get(plugin);
        ids.is_some_and(|ids| ids.contains(&id))
    }

    pub(super) fn describe(&mut self, kind: Kind, name: &str, unit: Option<&str>, help: &str) {
        if self.described.len() >= MOST_NAMES {
            return;
        }
        let described = Described {
            unit: unit.map(ToOwned::to_owned),
            help: help.to_owned(),
        };
        self.described.insert((kind, name.to_owned()), described);
        // A name that is out already stays as it is; the unit would change it.
        let families = self.families.values_mut();
        for family in families.filter(|family| family.kind == kind) {
            let mut series = family.series.values();
            if series.any(|series| *series.original == *name) {
                help.clone_into(&mut family.help);
            }
        }
    }

    /// Puts what plugins have collected in place of all that was collected before.
    pub(super) fn collected(
        &mut self,
        all: &BTreeMap<Arc<str>, Vec<MetricSample>>,
        refused: &mut Vec<Refused>,
    ) {
        for family in self.families.values_mut() {
            family.series.retain(|_, series| !series.is_collected());
        }
        for (plugin, samples) in all {
            // They belong to the newest instance: the one before it, if there is one, is about to stop.
            let ids = self.instances.get(plugin);
            let id = ids.and_then(|ids| ids.last().copied()).unwrap_or_default();
            for sample in samples {
                let labels = sample.labels.iter();
                let labels: Vec<_> = labels.map(|(name, value)| (&**name, &**value)).collect();
                let wanted = Wanted {
                    help: &sample.help,
                    unit: sample.unit.as_deref(),
                    owner: Some((plugin, id)),
                    collected: Some(sample.value),
                    ..Wanted::new(sample.kind.into(), &sample.name, &labels)
                };
                refused.extend(self.cell(&wanted, &Arc::default()).err());
            }
        }
        self.drop_empty();
    }

    pub(super) fn families(&self) -> &BTreeMap<String, Family> {
        &self.families
    }

    /// What is there of plugins, or of one.
    pub(super) fn of_plugins(&self, one: Option<&str>) -> BTreeMap<String, Family> {
        let is_meant = |series: &Series| {
            let plugin = series.plugin.as_deref();
            plugin.is_some() && (one.is_none() || plugin == one)
        };
        let mut found = BTreeMap::new();
        for (name, family) in &self.families {
            let series = family.series.iter().filter(|(_, series)| is_meant(series));
            let series: BTreeMap<_, _> = series
                .map(|(labels, series)| (labels.clone(), series.clone()))
                .collect();
            if !series.is_empty() {
                let family = Family {
                    kind: family.kind,
                    unit: family.unit.clone(),
                    help: family.help.clone(),
                    series,
                    has_told: family.has_told,
                };
                found.insert(name.clone(), family);
            }
        }
        found
    }

    /// The place of a series, made if it is the first time.
    pub(super) fn cell(
        &mut self,
        wanted: &Wanted<'_>,
        seconds: &Arc<[f64]>,
    ) -> Result<Cell, Refused> {
        let Wanted { kind, name, .. } = *wanted;
        if !wanted.owner.is_none_or(|owner| self.is_alive(owner)) {
            return Err(Refused::gone());
        }
        let key = (kind, name.to_owned());
        let described = self.described.get(&key).filter(|_| wanted.owner.is_none());
        let unit = described.map_or(wanted.unit, |described| described.unit.as_deref());
        let help = described.map_or(wanted.help, |described| &described.help);
        let named = self.named.get(&key).filter(|_| wanted.owner.is_none());
        let (exported, unit) = named.map_or_else(|| name::exported(kind, name, unit), Clone::clone);
        if table::is_own(&exported) {
            return Err(Refused::conflict(
                wanted,
                &exported,
                "is one of the chassis",
            ));
        }
        if self.families.len() >= MOST_NAMES && !self.families.contains_key(&exported) {
            return Err(Refused::names(wanted, &mut self.has_told_of_names));
        }
        let own = wanted.owner.map(|(plugin, _)| ("plugin", &**plugin));
        let labels = name::labels(wanted.labels.iter().copied().chain(own));
        let bounds = wanted.bounds_in(unit.as_deref(), seconds);
        let new = || {
            let preset = wanted.preset.cloned();
            preset.unwrap_or_else(|| {
                Cell::new(kind, wanted.collected, || {
                    bounds.clone().unwrap_or_default()
                })
            })
        };
        if let Some((taken, why)) = self.taken(kind, &exported, bounds.as_ref()) {
            return self
                .wait(wanted, &exported, &taken, labels, new)
                .ok_or_else(|| Refused::conflict(wanted, &exported, &why));
        }
        let is_named = wanted.owner.is_some() || self.named.contains_key(&key);
        if !is_named && self.named.len() < MOST_NAMES {
            self.named.insert(key, (exported.clone(), unit.clone()));
        }
        let family = self.families.entry(exported.clone()).or_insert(Family {
            kind,
            unit: unit.clone(),
            help: help.to_owned(),
            series: BTreeMap::new(),
            has_told: false,
        });
        // Emptied by a new round of collecting, it may become something else.
        family.kind = kind;
        if family.help.is_empty() {
            help.clone_into(&mut family.help);
        }
        let known = family.series.get(&labels).map(Series::is_collected);
        // What was collected before is gone by now: this one is there twice.
        if known.is_some_and(|is_collected| is_collected || wanted.collected.is_some()) {
            let why = "has such a series already, collected or recorded";
            return Err(Refused::conflict(wanted, &exported, why));
        }
        if known.is_none() && family.series.len() >= MOST_SERIES {
            return Err(Refused::series(wanted, &exported, &mut family.has_told));
        }
        let series = family.series.entry(labels).or_insert_with(|| Series {
            original: name.into(),
            plugin: wanted.owner.map(|(plugin, _)| Arc::clone(plugin)),
            owners: Vec::new(),
            cell: new(),
        });
        if let Some((_, id)) = wanted.owner
            && !series.owners.contains(&id)
        {
            series.owners.push(id);
        }
        Ok(series.cell.clone())
    }

    /// The family that keeps a name from being used for this kind, and why. A histogram is written under further names, which
    /// are nobody else's.
    fn taken(
        &self,
        kind: Kind,
        exported: &str,
        bounds: Option<&Arc<[f64]>>,
    ) -> Option<(String, String)> {
        let family = |name: &str| {
            let family = self.families.get(name);
            family.filter(|family| !family.series.is_empty())
        };
        if let Some(family) = family(exported) {
            if family.kind != kind {
                return Some((exported.to_owned(), format!("is a {} already", family.kind)));
            }
            // All series of a name have the same: those who add them up could not otherwise.
            let mut series = family.series.values();
            let differ = bounds.is_some() && series.any(|series| series.cell.bounds() != bounds);
            return differ.then(|| (exported.to_owned(), "has other buckets already".to_owned()));
        }
        for part in PARTS {
            let whole = exported.strip_suffix(part);
            if let Some(whole) = whole.filter(|whole| family(whole).is_some_and(Family::has_parts))
            {
                return Some((whole.to_owned(), format!("is a part of `{whole}`")));
            }
            let name = format!("{exported}{part}");
            if kind.has_parts() && family(&name).is_some() {
                let why = format!("would be written as `{name}` too, which is taken");
                return Some((name, why));
            }
        }
        None
    }

    /// A place for a series whose name is taken by nobody but older instances of the same plugin: a reload makes the new one
    /// before the old one stops. It is shown from then on.
    fn wait(
        &mut self,
        wanted: &Wanted<'_>,
        exported: &str,
        taken: &str,
        labels: Labels,
        new: impl FnOnce() -> Cell,
    ) -> Option<Cell> {
        let (plugin, id) = wanted.owner.filter(|_| wanted.collected.is_none())?;
        let is_older = |series: &Series| {
            let is_ours = series.plugin.as_ref() == Some(plugin) && !series.is_collected();
            is_ours && series.owners.iter().all(|owner| *owner < id)
        };
        if !self.families.get(taken)?.series.values().all(is_older) {
            return None;
        }
        let mut waiting = self.waiting.iter();
        let same = waiting.find(|other| {
            (other.id, other.kind, &*other.exported) == (id, wanted.kind, exported)
                && other.labels == labels
        });
        if let Some(same) = same {
            return Some(same.cell.clone());
        }
        if self.waiting.len() >= MOST_WAITING {
            return None;
        }
        let cell = new();
        self.waiting.push(Waiting {
            kind: wanted.kind,
            original: wanted.name.to_owned(),
            exported: exported.to_owned(),
            help: wanted.help.to_owned(),
            labels,
            plugin: Arc::clone(plugin),
            id,
            cell: cell.clone(),
        });
        Some(cell)
    }

    /// Shows what has waited for a name that is free now.
    fn admit(&mut self, refused: &mut Vec<Refused>) {
        for waiting in std::mem::take(&mut self.waiting) {
            let labels = waiting.labels.iter();
            let labels: Vec<_> = labels.map(|(name, value)| (&**name, &**value)).collect();
            let wanted = Wanted {
                help: &waiting.help,
                owner: Some((&waiting.plugin, waiting.id)),
                preset: Some(&waiting.cell),
                ..Wanted::new(waiting.kind, &waiting.original, &labels)
            };
            refused.extend(self.cell(&wanted, &Arc::default()).err());
        }
    }

    fn drop_empty(&mut self) {
        self.families.retain(|_, family| !family.series.is_empty());
    }
}
