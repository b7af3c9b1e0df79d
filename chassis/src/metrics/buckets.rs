//! Histograms: values, counted by bucket.

use metrics::HistogramFn;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// A histogram.
#[derive(Debug)]
pub(super) struct Buckets {
    bounds: Arc<[f64]>,
    /// One more than there are bounds: the last is for what is above all of them.
    counts: Box<[AtomicU64]>,
    /// The bits of a float.
    sum: AtomicU64,
}

/// What is in a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) bounds: Arc<[f64]>,
    /// By bucket, and not added up.
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: f64,
}

impl Distribution {
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Buckets {
    pub(super) fn new(bounds: Arc<[f64]>) -> Self {
        Self {
            counts: empty(bounds.len()),
            bounds,
            sum: AtomicU64::new(0),
        }
    }

    pub(super) fn bounds(&self) -> &Arc<[f64]> {
        &self.bounds
    }

    pub(super) fn read(&self) -> Distribution {
        Distribution {
            bounds: Arc::clone(&self.bounds),
            counts: self
                .counts
                .iter()
                .map(|count| count.load(Relaxed))
                .collect(),
            sum: f64::from_bits(self.sum.load(Relaxed)),
        }
    }
}

/// Counters for so many bounds, and for what is above them.
pub(super) fn empty(bounds: usize) -> Box<[AtomicU64]> {
    std::iter::repeat_with(AtomicU64::default)
        .take(bounds + 1)
        .collect()
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        // It is in no bucket, and would be the sum for ever.
        if value.is_nan() {
            return;
        }
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        let add = |sum| Some((f64::from_bits(sum) + value).to_bits());
        // It always gives a value, so it always succeeds.
        _ = self.sum.fetch_update(Relaxed, Relaxed, add);
    }
}

/// The bounds for values of a unit, where those for durations are given in seconds.
pub(super) fn bounds_of(unit: Option<&str>, seconds: &Arc<[f64]>) -> Arc<[f64]> {
    let times = |factor: f64| seconds.iter().map(|bound| bound * factor).collect();
    match unit {
        Some("milliseconds") => times(1e3),
        Some("microseconds") => times(1e6),
        Some("nanoseconds") => times(1e9),
        // From 64 bytes to 1 GiB.
        Some("bytes") => (3..=15).map(|power| 4_f64.powi(power)).collect(),
        Some("ratio") => (1..=10).map(|tenth| f64::from(tenth) / 10.0).collect(),
        _ => Arc::clone(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_that_it_fits_into() {
        let buckets = Buckets::new([1.0, 2.0].into());
        for value in [0.5, 1.0, 1.5, 3.0, f64::NAN] {
            buckets.record(value);
        }
        let read = buckets.read();
        assert_eq!((read.counts, read.sum), (vec![2, 1, 1], 6.0));
    }

    #[test]
    fn bounds_are_of_the_unit() {
        let seconds: Arc<[f64]> = [0.5, 2.0].into();
        assert_eq!(*bounds_of(None, &seconds), [0.5, 2.0]);
        assert_eq!(*bounds_of(Some("milliseconds"), &seconds), [500.0, 2000.0]);
        let bytes = bounds_of(Some("bytes"), &seconds);
        assert_eq!((bytes[0], bytes[12]), (64.0, 1_073_741_824.0));
    }
}
