//! What a plugin answers when it is asked for metrics.

use super::table::Kind;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A value that a plugin has collected: see [`Contributions::metrics`](crate::Contributions::metrics).
///
/// ```
/// use chassis::MetricSample;
///
/// let depth = MetricSample::gauge("queue.depth", 42.0).help("Jobs that wait.").label("queue", "mail");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct MetricSample {
    /// The name, as the plugin calls it.
    pub name: String,
    /// Whether it only grows.
    pub kind: MetricKind,
    /// The value.
    pub value: f64,
    /// What it is, in one sentence.
    #[serde(default)]
    pub help: String,
    /// What it is measured in: `seconds`, `bytes`.
    #[serde(default)]
    pub unit: Option<String>,
    /// What tells it from others of its name.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What a collected value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// It only grows, until it begins anew at 0.
    Counter,
    /// It may be any number at any time.
    Gauge,
}

impl From<MetricKind> for Kind {
    fn from(kind: MetricKind) -> Self {
        match kind {
            MetricKind::Counter => Self::Counter,
            MetricKind::Gauge => Self::Gauge,
        }
    }
}

impl MetricSample {
    fn new(kind: MetricKind, name: &str, value: f64) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            value,
            help: String::new(),
            unit: None,
            labels: BTreeMap::new(),
        }
    }

    /// How often something has happened.
    pub fn counter(name: &str, value: f64) -> Self {
        Self::new(MetricKind::Counter, name, value)
    }

    /// How much of something there is now.
    pub fn gauge(name: &str, value: f64) -> Self {
        Self::new(MetricKind::Gauge, name, value)
    }

    /// Says what it is.
    #[must_use]
    pub fn help(mut self, help: &str) -> Self {
        help.clone_into(&mut self.help);
        self
    }

    /// Says what it is measured in: it becomes the end of the name.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = Some(unit.to_owned());
        self
    }

    /// Tells it from others of its name.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// What a method that collects metrics may return: a list, or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "a method with `#[metrics]` can't return `{Self}`",
    label = "return `Vec<MetricSample>` or a `Result` of it"
)]
#[doc(hidden)]
pub trait IntoSamples {
    fn into_samples(self) -> Result<Vec<MetricSample>>;
}

impl IntoSamples for Vec<MetricSample> {
    fn into_samples(self) -> Result<Vec<MetricSample>> {
        Ok(self)
    }
}

impl<E: Into<Error>> IntoSamples for Result<Vec<MetricSample>, E> {
    fn into_samples(self) -> Result<Vec<MetricSample>> {
        self.map_err(Into::into)
    }
}
