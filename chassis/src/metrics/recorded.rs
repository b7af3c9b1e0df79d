//! What plugins and libraries have recorded: families of series, each with whose it is.

use super::{
    buckets::{Buckets, Distribution, bounds_of},
    name::{self, Labels},
    page::float,
    sample::MetricSample,
    table::{self, Kind},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// How many series of one name there may be. Somebody has put an id into a label if there are more.
pub(super) const MOST_SERIES: usize = 10_000;

/// How many names there may be, for the same reason.
const MOST_NAMES: usize = 2_000;

#[derive(Debug, Default)]
pub(crate) struct Recorded {
    book: Mutex<Book>,
    /// What is too much, and what is named like something else.
    over_limit: AtomicU64,
    conflicts: AtomicU64,
}

#[derive(Debug, Default)]
struct Book {
    /// By the name that is written.
    families: BTreeMap<String, Family>,
    /// What libraries say of metrics, mostly before the first of them is recorded.
    described: HashMap<(Kind, String), Described>,
    /// The instances of each plugin that live: for a moment there are two, in a reload.
    instances: BTreeMap<Arc<str>, Vec<u64>>,
    last_id: u64,
    has_told_of_names: bool,
}

#[derive(Clone, Debug)]
struct Described {
    unit: Option<String>,
    help: String,
}

/// All series of one name.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) kind: Kind,
    pub(crate) unit: Option<String>,
    pub(crate) help: String,
    pub(crate) series: BTreeMap<Labels, Series>,
    has_told: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The name, as it was called where it is recorded.
    pub(crate) original: Arc<str>,
    /// The plugin that it belongs to.
    pub(crate) plugin: Option<Arc<str>>,
    /// Which of its instances have it; it goes with the last of them.
    owners: Vec<u64>,
    cell: Cell,
}

/// Where a value is kept.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Counter(Arc<AtomicU64>),
    /// The bits of a float.
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
    /// Not recorded, but collected.
    Collected(f64),
}

/// A value, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    One(f64),
    Many(Distribution),
}

/// What is to be recorded.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) help: &'a str,
    pub(super) unit: Option<&'a str>,
    pub(super) labels: &'a [(&'a str, &'a str)],
    /// The plugin that it is for, and the number of its instance.
    pub(super) owner: Option<(&'a Arc<str>, u64)>,
    /// Its value, if it is collected.
    pub(super) collected: Option<f64>,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(kind: Kind, name: &'a str, labels: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            kind,
            name,
            help: "",
            unit: None,
            labels,
            owner: None,
            collected: None,
        }
    }
}

impl Series {
    pub(crate) fn value(&self) -> Value {
        match &self.cell {
            Cell::Counter(count) => Value::One(float(count.load(Relaxed))),
            Cell::Gauge(bits) => Value::One(f64::from_bits(bits.load(Relaxed))),
            Cell::Histogram(buckets) => Value::Many(buckets.read()),
            Cell::Collected(value) => Value::One(*value),
        }
    }
}

impl Recorded {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An instance lives from now on; its number.
    pub(super) fn begin(&self, plugin: &Arc<str>) -> u64 {
        let mut book = self.lock();
        book.last_id += 1;
        let id = book.last_id;
        book.instances
            .entry(Arc::clone(plugin))
            .or_default()
            .push(id);
        id
    }

    /// An instance is at its end, and so is what only it had; whether another one of its name lives.
    pub(super) fn end(&self, plugin: &str, id: u64) -> bool {
        let mut book = self.lock();
        let Some(ids) = book.instances.get_mut(plugin) else {
            return false;
        };
        ids.retain(|other| *other != id);
        let lives = !ids.is_empty();
        if !lives {
            book.instances.remove(plugin);
        }
        book.release(id);
        lives
    }

    /// Says what a metric is that is recorded under this name.
    pub(super) fn describe(&self, kind: Kind, name: &str, unit: Option<&str>, help: &str) {
        let mut book = self.lock();
        if book.described.len() >= MOST_NAMES {
            return;
        }
        let described = Described {
            unit: unit.map(ToOwned::to_owned),
            help: help.to_owned(),
        };
        book.described.insert((kind, name.to_owned()), described);
        // A name that is out already stays as it is; the unit would change it.
        let known = book
            .families
            .values_mut()
            .filter(|family| family.kind == kind);
        for family in known {
            if family
                .series
                .values()
                .any(|series| *series.original == *name)
            {
                help.clone_into(&mut family.help);
            }
        }
    }

    /// The place of a series, made if it is the first time; none if it can't be recorded, which is counted.
    pub(super) fn cell(&self, wanted: Wanted<'_>, seconds: &Arc<[f64]>) -> Option<Cell> {
        let cell = self.lock().cell(&wanted, seconds);
        cell.map_err(|refused| self.refuse(refused)).ok()
    }

    fn refuse(&self, refused: Refused) {
        match refused {
            Refused::Gone => {}
            Refused::OverLimit => _ = self.over_limit.fetch_add(1, Relaxed),
            Refused::Conflict => _ = self.conflicts.fetch_add(1, Relaxed),
        }
    }

    /// Puts what a plugin has collected in place of what it had collected before, so that no reader sees neither.
    pub(crate) fn collected(&self, plugin: &Arc<str>, samples: &[MetricSample]) {
        let mut book = self.lock();
        let is_old = |series: &Series| {
            matches!(series.cell, Cell::Collected(_)) && series.plugin.as_ref() == Some(plugin)
        };
        for family in book.families.values_mut() {
            family.series.retain(|_, series| !is_old(series));
        }
        // They belong to the newest instance: the one before it, if there is one, is about to stop.
        let ids = book.instances.get(plugin);
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
            if let Err(refused) = book.cell(&wanted, &Arc::default()) {
                self.refuse(refused);
            }
        }
        book.drop_empty();
    }

    /// All that is there, to be looked at.
    pub(crate) fn families(&self) -> BTreeMap<String, Family> {
        self.lock().families.clone()
    }

    /// How much was not recorded, and why.
    pub(crate) fn dropped(&self) -> [(&'static str, u64); 2] {
        [
            ("limit", self.over_limit.load(Relaxed)),
            ("conflict", self.conflicts.load(Relaxed)),
        ]
    }
}

/// Why something is not recorded.
#[derive(Clone, Copy)]
enum Refused {
    /// Whose it is has stopped.
    Gone,
    OverLimit,
    Conflict,
}

impl Book {
    fn cell(&mut self, wanted: &Wanted<'_>, seconds: &Arc<[f64]>) -> Result<Cell, Refused> {
        let Wanted { kind, name, .. } = *wanted;
        if let Some((plugin, id)) = wanted.owner
            && !self
                .instances
                .get(plugin)
                .is_some_and(|ids| ids.contains(&id))
        {
            return Err(Refused::Gone);
        }
        let key = (kind, name.to_owned());
        let described = self.described.get(&key).filter(|_| wanted.owner.is_none());
        let unit = described.map_or(wanted.unit, |described| described.unit.as_deref());
        let help = described.map_or(wanted.help, |described| &described.help);
        let (exported, unit) = name::exported(kind, name, unit);
        if table::is_own(&exported) {
            return Err(Self::conflicts(wanted, &exported, "is one of the chassis"));
        }
        if self.families.len() >= MOST_NAMES && !self.families.contains_key(&exported) {
            if !std::mem::replace(&mut self.has_told_of_names, true) {
                tracing::warn!(
                    name,
                    "not recorded: there are {MOST_NAMES} names of metrics already"
                );
            }
            return Err(Refused::OverLimit);
        }
        let family = self
            .families
            .entry(exported.clone())
            .or_insert_with(|| Family {
                kind,
                unit,
                help: help.to_owned(),
                series: BTreeMap::new(),
                has_told: false,
            });
        if family.kind != kind {
            let why = format!("is a {} already", family.kind);
            return Err(Self::conflicts(wanted, &exported, &why));
        }
        if family.help.is_empty() {
            help.clone_into(&mut family.help);
        }
        let own = wanted.owner.map(|(plugin, _)| ("plugin", &**plugin));
        let labels = name::labels(wanted.labels.iter().copied().chain(own));
        let is_collected = |series: &Series| matches!(series.cell, Cell::Collected(_));
        let known = family.series.get(&labels).map(is_collected);
        // What was collected before is gone by now: this one is there twice.
        if known.is_some_and(|is_collected| is_collected || wanted.collected.is_some()) {
            let why = "has such a series already, collected or recorded";
            return Err(Self::conflicts(wanted, &exported, why));
        }
        let count = family.series.len();
        if count >= MOST_SERIES && !family.series.contains_key(&labels) {
            if !std::mem::replace(&mut family.has_told, true) {
                let plugin = wanted.owner.map(|(plugin, _)| &**plugin);
                tracing::warn!(
                    plugin,
                    metric = exported,
                    "{MOST_SERIES} series have this name; further ones are not recorded. Is an id among the labels?"
                );
            }
            return Err(Refused::OverLimit);
        }
        let bounds = || bounds_of(family.unit.as_deref(), seconds);
        let series = family.series.entry(labels).or_insert_with(|| Series {
            original: name.into(),
            plugin: wanted.owner.map(|(plugin, _)| Arc::clone(plugin)),
            owners: Vec::new(),
            cell: match (wanted.collected, kind) {
                (Some(value), _) => Cell::Collected(value),
                (None, Kind::Counter) => Cell::Counter(Arc::default()),
                (None, Kind::Gauge) => Cell::Gauge(Arc::default()),
                (None, _) => Cell::Histogram(Arc::new(Buckets::new(bounds()))),
            },
        });
        if let Some((_, id)) = wanted.owner
            && !series.owners.contains(&id)
        {
            series.owners.push(id);
        }
        Ok(series.cell.clone())
    }

    fn conflicts(wanted: &Wanted<'_>, exported: &str, why: &str) -> Refused {
        let plugin = wanted.owner.map(|(plugin, _)| &**plugin);
        // A plugin says its name once, in `init`. Of what is collected again and again, or comes from anywhere, the number
        // is enough.
        if plugin.is_some() && wanted.collected.is_none() {
            tracing::warn!(
                plugin,
                metric = wanted.name,
                "not recorded: `{exported}` {why}; give it another name"
            );
        } else {
            tracing::debug!(
                plugin,
                metric = wanted.name,
                "not recorded: `{exported}` {why}"
            );
        }
        Refused::Conflict
    }

    /// An instance lets go of its series.
    fn release(&mut self, id: u64) {
        for family in self.families.values_mut() {
            family.series.retain(|_, series| {
                series.owners.retain(|owner| *owner != id);
                !series.owners.is_empty() || series.plugin.is_none()
            });
        }
        self.drop_empty();
    }

    fn drop_empty(&mut self) {
        self.families.retain(|_, family| !family.series.is_empty());
    }
}
