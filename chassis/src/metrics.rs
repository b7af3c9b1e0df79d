//! What is counted and measured in one service, and how it is written down.
//!
//! The registry is our own, and the facade `metrics` is what libraries and plugins see of it. An exporter from the shelf
//! would have brought a dozen crates, and could not do what is needed here: the series of a plugin go with its instance
//! (elsewhere they go when nobody has touched them for a while), names have a limit of series, two services in one process
//! keep theirs apart, and histograms are buckets from the first record on, without somebody who has to tidy up.
//!
//! What exists already (calls, generations, states) is not recorded a second time: it is read when somebody asks.

use crate::{call::Stalls, config::MetricsSettings};
use std::sync::{Arc, OnceLock};

mod recorder;
mod meter;
mod recorded;
mod book;
mod heirs;
mod refused;
mod family;
mod calls;
mod routes;
mod reloads;
mod process;
mod page;
mod snapshot;
mod buckets;
mod sample;
mod name;
pub(crate) mod table;

pub(crate) use self::{
    buckets::Distribution,
    family::{Family, Value},
    meter::Owner,
    page::{Page, float},
    process::process,
    recorded::Recorded,
    recorder::Recorder,
    routes::{Active, Answered, RouteMeter, Routes, method_index},
};
pub use self::{
    meter::Meter,
    sample::{IntoSamples, MetricKind, MetricSample},
    snapshot::{FamilyKind, MetricFamily, MetricSeries, MetricValue, MetricsSnapshot},
};

/// All of one service.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// What plugins and libraries have recorded.
    pub(crate) recorded: Recorded,
    /// What came of the calls of handlers.
    pub(crate) calls: calls::Calls,
    /// What came of requests.
    pub(crate) routes: Routes,
    /// Which plugins block threads.
    pub(crate) stalls: Arc<Stalls>,
    /// Taken while somebody is told of all; whether it was for the last time.
    pub(crate) exporting: tokio::sync::Mutex<bool>,
    /// What came of reloads.
    pub(crate) reloads: reloads::Reloads,
    /// The bounds for durations, in seconds.
    bounds: OnceLock<Arc<[f64]>>,
}

impl Metrics {
    /// Takes the settings, before anything is recorded; they hold until the process ends.
    pub(crate) fn begin(&self, settings: &MetricsSettings) {
        let bounds = self
            .bounds
            .get_or_init(|| settings.buckets.as_slice().into());
        self.routes.begin(bounds);
    }

    fn bounds(&self) -> Arc<[f64]> {
        let default = || MetricsSettings::default().buckets.into();
        Arc::clone(self.bounds.get_or_init(default))
    }

    /// An instance is at its end: nothing of it is shown any more, unless another one of its name lives.
    fn forget(&self, plugin: &str, id: u64) {
        if !self.recorded.end(plugin, id) {
            self.calls.forget(plugin);
            self.stalls.forget(plugin);
        }
    }
}
