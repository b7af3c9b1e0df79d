//! Families of series: what is kept of each, and what is asked for.

use super::{
    buckets::{Buckets, Distribution, bounds_of},
    name::Labels,
    page::float,
    table::Kind,
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// All series of one name.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) kind: Kind,
    pub(crate) unit: Option<String>,
    pub(crate) help: String,
    pub(crate) series: BTreeMap<Labels, Series>,
    /// Whether it was told that there are too many.
    pub(super) has_told: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The name, as it was called where it is recorded.
    pub(crate) original: Arc<str>,
    /// The plugin that it belongs to.
    pub(crate) plugin: Option<Arc<str>>,
    /// Which of its instances have it; it goes with the last of them.
    pub(super) owners: Vec<u64>,
    pub(super) cell: Cell,
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
    /// Where it is kept, if it is recorded already.
    pub(super) preset: Option<&'a Cell>,
    /// The bounds of a histogram, if they are its own.
    pub(super) bounds: Option<&'a Arc<[f64]>>,
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
            preset: None,
            bounds: None,
        }
    }
}

impl Wanted<'_> {
    /// The bounds of a histogram: those that it has, its own, or those of its unit.
    pub(super) fn bounds_in(&self, unit: Option<&str>, seconds: &Arc<[f64]>) -> Option<Arc<[f64]>> {
        if self.kind != Kind::Histogram {
            return None;
        }
        let bounds = self.preset.and_then(Cell::bounds).or(self.bounds);
        Some(bounds.map_or_else(|| bounds_of(unit, seconds), Arc::clone))
    }
}

impl Family {
    pub(super) fn has_parts(&self) -> bool {
        self.kind.has_parts()
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

    pub(super) fn is_collected(&self) -> bool {
        matches!(self.cell, Cell::Collected(_))
    }
}

impl Cell {
    /// The bounds of a histogram.
    pub(super) fn bounds(&self) -> Option<&Arc<[f64]>> {
        match self {
            Self::Histogram(buckets) => Some(buckets.bounds()),
            _ => None,
        }
    }

    /// A place that nobody has yet.
    pub(super) fn new(
        kind: Kind,
        collected: Option<f64>,
        bounds: impl FnOnce() -> Arc<[f64]>,
    ) -> Self {
        match (collected, kind) {
            (Some(value), _) => Self::Collected(value),
            (None, Kind::Counter) => Self::Counter(Arc::default()),
            (None, Kind::Gauge) => Self::Gauge(Arc::default()),
            (None, _) => Self::Histogram(Arc::new(Buckets::new(bounds()))),
        }
    }
}
