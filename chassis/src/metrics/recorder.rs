//! What the facade `metrics` records into: `counter!("sent").increment(1)`, in any library.

use super::{
    Metrics,
    family::{Cell, Wanted},
    refused::Reason,
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
    known: RwLock<Known>,
}

type Id = (Kind, Key);

#[derive(Debug, Default)]
struct Known {
    cells: HashMap<Id, Cell>,
    /// What was refused, since something has gone for the last time.
    refused: HashMap<Id, Reason>,
    freed: u64,
}

/// How many refusals are remembered. Names that are taken are few; ids in labels are different each time, and remembering them
/// helps nobody.
const MOST_REFUSED: usize = 1_000;

impl Known {
    fn refuse(&mut self, id: Id, reason: Reason, freed: u64) {
        if self.freed != freed {
            self.refused.clear();
            self.freed = freed;
        }
        if self.refused.len() < MOST_REFUSED {
            self.refused.insert(id, reason);
        }
    }
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
        if let Some(cell) = known.cells.get(&id) {
            return Some(cell.clone());
        }
        let recorded = &self.metrics.recorded;
        // Read before it is asked for: what goes meanwhile makes it ask again.
        let freed = recorded.freed();
        if known.freed == freed
            && let Some(reason) = known.refused.get(&id)
        {
            recorded.count(*reason);
            return None;
        }
        drop(known);
        let labels: Vec<_> = key
            .labels()
            .map(|label| (not_a_plugin(label.key()), label.value()))
            .collect();
        let wanted = Wanted::new(kind, key.name(), &labels);
        let cell = recorded.cell(wanted, &self.metrics.bounds());
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match &cell {
            Ok(cell) => _ = known.cells.insert(id, cell.clone()),
            Err(reason) => known.refuse(id, *reason, freed),
        }
        cell.ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Meter, Owner};
    use metrics::{Level, Recorder as _};

    #[test]
    fn a_name_that_was_refused_may_be_free_later() {
        let metrics = Arc::new(Metrics::default());
        let owner = Owner::new("shop".into(), Arc::clone(&metrics));
        owner.begin();
        Meter::new(Arc::clone(&owner)).gauge("waiting", "").set(1.0);
        let recorder = Recorder::new(Arc::clone(&metrics));
        let record = || {
            let key = Key::from_static_name("waiting");
            let about = Metadata::new("", Level::INFO, None);
            recorder.register_histogram(&key, &about).record(1.0);
        };
        let kind = || metrics.recorded.families()["waiting"].kind;
        record();
        record();
        assert_eq!(kind(), Kind::Gauge);
        assert_eq!(metrics.recorded.dropped(), [("limit", 0), ("conflict", 2)]);
        owner.end();
        record();
        assert_eq!(kind(), Kind::Histogram);
    }
}
