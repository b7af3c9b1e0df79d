//! What came of reloads.

use super::buckets::{Buckets, Distribution};
use metrics::HistogramFn as _;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

/// What came of reloads.
#[derive(Debug)]
pub(crate) struct Reloads {
    succeeded: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    rolled_back: AtomicU64,
    took: Buckets,
    last_success: Mutex<Option<SystemTime>>,
}

/// A reload may take as long as `reload.drain` and the plugins allow: longer than a request.
const BOUNDS: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

impl Default for Reloads {
    fn default() -> Self {
        Self {
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            rolled_back: AtomicU64::new(0),
            took: Buckets::new(BOUNDS.into()),
            last_success: Mutex::default(),
        }
    }
}

impl Reloads {
    /// A generation serves from now on.
    pub(crate) fn published(&self) {
        *self.lock() = Some(SystemTime::now());
    }

    pub(crate) fn ended(&self, succeeded: bool, took: Duration) {
        let count = if succeeded {
            &self.succeeded
        } else {
            &self.failed
        };
        count.fetch_add(1, Relaxed);
        self.took.record(took.as_secs_f64());
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// What failed probation was taken back: it is a reload, too.
    pub(crate) fn rolled_back(&self, took: Duration) {
        self.rolled_back.fetch_add(1, Relaxed);
        self.took.record(took.as_secs_f64());
    }

    pub(crate) fn outcomes(&self) -> [(&'static str, u64); 4] {
        [
            ("success", self.succeeded.load(Relaxed)),
            ("failure", self.failed.load(Relaxed)),
            ("refused", self.refused.load(Relaxed)),
            ("rolled_back", self.rolled_back.load(Relaxed)),
        ]
    }

    pub(crate) fn took(&self) -> Distribution {
        self.took.read()
    }

    pub(crate) fn last_success(&self) -> Option<SystemTime> {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<SystemTime>> {
        self.last_success
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
