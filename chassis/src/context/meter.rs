//! The metrics of an instance, asked for by the shortest way.

use super::{Background, PluginContext};
use crate::metrics::Meter;
use metrics::{Counter, Gauge, Histogram};

impl PluginContext {
    /// Where the instance gets its metrics.
    pub fn meter(&self) -> &Meter {
        self.background.meter()
    }

    /// How often something has happened: see [`Meter`].
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.meter().counter(name, help)
    }

    /// How much of something there is now: see [`Meter`].
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.meter().gauge(name, help)
    }

    /// Values, and how they are distributed: see [`Meter`].
    pub fn histogram(&self, name: &str, help: &str) -> Histogram {
        self.meter().histogram(name, help)
    }
}

impl Background {
    /// Where the instance gets its metrics.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// How often something has happened: see [`Meter`].
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.meter.counter(name, help)
    }

    /// How much of something there is now: see [`Meter`].
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.meter.gauge(name, help)
    }

    /// Values, and how they are distributed: see [`Meter`].
    pub fn histogram(&self, name: &str, help: &str) -> Histogram {
        self.meter.histogram(name, help)
    }
}
