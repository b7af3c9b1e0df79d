//! What the facade `metrics` records into: `counter!("sent").increment(1)`, in any library.

use super::{
    Metrics,
    recorded::{Cell, Wanted},
    table::Kind,
};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Records what libraries record, into the metrics of one service.
#[derive(Debug)]
pub(crate) struct Recorder {
    metrics: Arc<Metrics>,
    /// What was asked for before: the macros ask each time.
    known: RwLock<HashMap<(Kind, Key), Cell>>,
}

impl Recorder {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            known: RwLock::default(),
        }
    }

    fn cell(&self, kind: Kind, key: &Key) -> Option<Cell> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        // A key is looked up by a hash that it carries, and cloned without its texts if these are constants.
        let id = (kind, key.clone());
        if let Some(cell) = known.get(&id) {
            return Some(cell.clone());
        }
        drop(known);
        let labels: Vec<_> = key
            .labels()
            .map(|label| (not_a_plugin(label.key()), label.value()))
            .collect();
        let wanted = Wanted::new(kind, key.name(), &labels);
        let cell = self.metrics.recorded.cell(wanted, &self.metrics.bounds())?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(id, cell.clone());
        Some(cell)
    }

    fn describe(&self, kind: Kind, key: &KeyName, unit: Option<Unit>, help: &SharedString) {
        // A number of things needs no unit in its name.
        let unit = unit.filter(|unit| *unit != Unit::Count);
        let unit = unit.as_ref().map(Unit::as_str);
        self.metrics
            .recorded
            .describe(kind, key.as_str(), unit, help);
    }
}

/// Series with the name of a plugin are the plugin's, and go with it.
fn not_a_plugin(label: &str) -> &str {
    if label == "plugin" {
        "exported_plugin"
    } else {
        label
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(Kind::Counter, &key, unit, &help);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(Kind::Gauge, &key, unit, &help);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe(Kind::Histogram, &key, unit, &help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.cell(Kind::Counter, key) {
            Some(Cell::Counter(count)) => Counter::from_arc(count),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.cell(Kind::Gauge, key) {
            Some(Cell::Gauge(bits)) => Gauge::from_arc(bits),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.cell(Kind::Histogram, key) {
            Some(Cell::Histogram(buckets)) => Histogram::from_arc(buckets),
            _ => Histogram::noop(),
        }
    }
}
