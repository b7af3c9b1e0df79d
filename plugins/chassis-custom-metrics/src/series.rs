//! The series of a metric: one for each set of values of its labels, and no more than there may be.

use crate::config::MetricSort;
use chassis::Meter;
use metrics::{Counter, Gauge, Histogram};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// The value of all labels of those for whom there was no room.
pub(crate) const OTHER: &str = "other";

/// Between the values of labels; it is in none of them (`source::tidy`).
const BETWEEN: char = '\u{1f}';

#[derive(Debug)]
pub(crate) struct Series {
    sort: MetricSort,
    name: String,
    help: String,
    /// With the labels that are fixed.
    meter: Meter,
    labels: Vec<String>,
    known: RwLock<HashMap<String, Cell>>,
}

/// Where the values of a series go.
#[derive(Clone)]
enum Cell {
    Counter {
        count: Counter,
        /// What is left of values that are not whole: a float, as its bits.
        rest: Arc<AtomicU64>,
    },
    Gauge(Gauge),
    Histogram(Histogram),
}

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Own,
    Other,
}

impl Series {
    pub(crate) fn new(
        sort: MetricSort,
        name: &str,
        help: &str,
        meter: Meter,
        labels: Vec<String>,
    ) -> Self {
        let series = Self {
            sort,
            name: name.to_owned(),
            help: help.to_owned(),
            meter,
            labels,
            known: RwLock::default(),
        };
        // After a reload it goes on.
        let free: Vec<&str> = series.labels.iter().map(String::as_str).collect();
        let inherited = series.meter.inherit(sort.into(), name, &free);
        let mut known = HashMap::new();
        for values in inherited {
            known.insert(key(&values), series.make(&values));
        }
        // What counts is 0 from the beginning; what a gauge is nobody knows yet.
        if series.labels.is_empty() && sort != MetricSort::Gauge {
            known.entry(key(&[])).or_insert_with(|| series.make(&[]));
        }
        Self {
            known: RwLock::new(known),
            ..series
        }
    }

    /// Records a value in the series of these labels; `most` is how many series there may be.
    pub(crate) fn record(&self, values: &[String], value: f64, most: usize) -> Room {
        let (cell, room) = self.cell(values, most);
        cell.record(value);
        room
    }

    /// Sets the total of a counter that somebody else counts.
    pub(crate) fn record_total(&self, total: f64) {
        match self.cell(&[], usize::MAX).0 {
            Cell::Counter { count, .. } => count.absolute(whole(total)),
            other => other.record(total),
        }
    }

    /// Whether there is room for no further one.
    pub(crate) fn is_full(&self, most: usize) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        !self.labels.is_empty() && known.len() >= most
    }

    fn cell(&self, values: &[String], most: usize) -> (Cell, Room) {
        let key = key(values);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = known.get(&key) {
            return (cell.clone(), Room::Own);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster.
        if let Some(cell) = known.get(&key) {
            return (cell.clone(), Room::Own);
        }
        if known.len() < most || values.is_empty() {
            let cell = self.make(values);
            known.insert(key, cell.clone());
            return (cell, Room::Own);
        }
        let other = vec![OTHER.to_owned(); self.labels.len()];
        let cell = known
            .entry(self::key(&other))
            .or_insert_with(|| self.make(&other));
        (cell.clone(), Room::Other)
    }

    fn make(&self, values: &[String]) -> Cell {
        let labels = self.labels.iter().zip(values);
        let meter = labels.fold(self.meter.clone(), |meter, (label, value)| {
            meter.with(label, value)
        });
        let (name, help) = (&*self.name, &*self.help);
        match self.sort {
            MetricSort::Counter => Cell::Counter {
                count: meter.counter(name, help),
                rest: Arc::default(),
            },
            MetricSort::Gauge => Cell::Gauge(meter.gauge(name, help)),
            MetricSort::Histogram => Cell::Histogram(meter.histogram(name, help)),
        }
    }
}

impl Cell {
    fn record(&self, value: f64) {
        match self {
            Self::Counter { count, rest } => count.increment(add(rest, value)),
            Self::Gauge(gauge) => gauge.set(value),
            Self::Histogram(histogram) => histogram.record(value),
        }
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Counter { .. } => "Counter",
            Self::Gauge(_) => "Gauge",
            Self::Histogram(_) => "Histogram",
        })
    }
}

/// Adds a value to what is left of those before it, and takes what is whole.
fn add(rest: &AtomicU64, value: f64) -> u64 {
    let mut taken = 0;
    let added = |rest| {
        let sum: f64 = f64::from_bits(rest) + value;
        taken = whole(sum);
        Some(sum.fract().to_bits())
    };
    // It always gives a value, so it always succeeds.
    _ = rest.fetch_update(Relaxed, Relaxed, added);
    taken
}

/// Without what is behind the point.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is cut on purpose, and never negative"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

fn key(values: &[String]) -> String {
    let mut key = String::with_capacity(values.iter().map(|value| value.len() + 1).sum());
    for value in values {
        key.push_str(value);
        key.push(BETWEEN);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_lost_of_values_that_are_not_whole(values in prop::collection::vec(0_u32..10_000, 0..50)) {
            let rest = AtomicU64::default();
            let mut taken = 0;
            for value in &values {
                taken += add(&rest, f64::from(*value) / 64.0);
            }
            let sum: u32 = values.iter().sum();
            prop_assert_eq!(taken, u64::from(sum / 64));
        }

        #[test]
        fn different_values_are_different_keys(
            one in prop::collection::vec("[a-c/|]{1,3}", 2),
            other in prop::collection::vec("[a-c/|]{1,3}", 2),
        ) {
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }
    }
}
