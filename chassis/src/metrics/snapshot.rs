//! All metrics of a service as values: for whoever brings them elsewhere.

use super::table::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All metrics of a service at one time: what [`points::METRICS_EXPORT`](crate::points::METRICS_EXPORT) hands out. The same as in
/// `GET /metrics`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// When it was taken, in milliseconds since 1970.
    pub at: u64,
    /// Whether it is the last one: the service stops.
    pub is_last: bool,
    /// The metrics, each with all its series.
    pub families: Vec<MetricFamily>,
}

impl MetricsSnapshot {
    /// The metric of this name.
    pub fn family(&self, name: &str) -> Option<&MetricFamily> {
        self.families.iter().find(|family| family.name == name)
    }
}

/// A metric: all series of one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct MetricFamily {
    /// The name in `GET /metrics`: `orders_placed_total`.
    pub name: String,
    /// What its values are.
    pub kind: FamilyKind,
    /// What it is measured in, if that is known: `seconds`, `bytes`.
    pub unit: Option<String>,
    /// What it is, in one sentence or more.
    pub help: String,
    /// Its series; there may be none so far.
    pub series: Vec<MetricSeries>,
}

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FamilyKind {
    /// Numbers that only grow, until they begin anew at 0.
    Counter,
    /// Any numbers.
    Gauge,
    /// Values, counted by bucket.
    Histogram,
    /// Values: how many, and their sum.
    Summary,
}

impl From<Kind> for FamilyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter,
            Kind::Gauge => Self::Gauge,
            Kind::Histogram => Self::Histogram,
            Kind::Summary => Self::Summary,
        }
    }
}

impl From<FamilyKind> for Kind {
    fn from(kind: FamilyKind) -> Self {
        match kind {
            FamilyKind::Counter => Self::Counter,
            FamilyKind::Gauge => Self::Gauge,
            FamilyKind::Histogram => Self::Histogram,
            FamilyKind::Summary => Self::Summary,
        }
    }
}

/// A series of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct MetricSeries {
    /// What tells it from others of its name: names and values.
    pub labels: Vec<(String, String)>,
    /// What it comes to now; since the start of the service, and not since the last snapshot.
    pub value: MetricValue,
}

impl MetricSeries {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        labels
            .find(|(label, _)| label == name)
            .map(|(_, value)| &**value)
    }
}

/// What a series comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MetricValue {
    /// A counter or a gauge.
    Number(f64),
    /// A histogram.
    Histogram {
        /// The upper bounds of the buckets.
        bounds: Vec<f64>,
        /// How many values are in each, not added up; the last is for those above all bounds.
        counts: Vec<u64>,
        /// All values together.
        sum: f64,
    },
    /// A summary.
    Summary {
        /// How many values there were.
        count: u64,
        /// All of them together.
        sum: f64,
    },
}
