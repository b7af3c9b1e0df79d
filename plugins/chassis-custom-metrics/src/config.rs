//! What can be declared under `plugins.custom-metrics.config`.

use crate::{
    source::{Field, Label},
    text::texts,
};
use chassis::{FamilyKind, RoutePattern, TopicPattern, prelude::*};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

/// What can be set under `plugins.custom-metrics.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CustomMetricsConfig {
    /// How often the closures are called that plugins have polled; at least `1s`.
    #[serde(with = "units::Time")]
    pub collection_interval: Duration,
    /// The metrics. Each has values from one place: the events of a topic (`event`), or the answers of routes (`routes`).
    #[schemars(length(max = 200))]
    pub metrics: Vec<MetricConfig>,
    /// How many series a metric may have, one for each set of values of its labels. Further ones are recorded under `other`.
    #[schemars(range(min = 1, max = 5000))]
    pub max_series: usize,
    /// The largest answer that is looked into for a `value` or a label: 1 to 1 MiB.
    #[serde(with = "units::Size")]
    pub max_body: usize,
}

impl Default for CustomMetricsConfig {
    fn default() -> Self {
        Self {
            collection_interval: Duration::from_secs(30),
            metrics: Vec::new(),
            max_series: 100,
            max_body: 65_536,
        }
    }
}

/// One of `plugins.custom-metrics.config.metrics`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricConfig {
    /// What it is called: `orders.placed` is shown as `orders_placed_total`. If it ends in a unit (`seconds`, `bytes`), that is
    /// what a histogram has its buckets by.
    pub name: MetricName,
    /// Whether its values are added up (`counter`), the last one is shown (`gauge`), or they are counted by size (`histogram`).
    pub kind: MetricSort,
    /// What it is, in one sentence.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub help: String,
    /// The topic of the events that it is made of: `order.placed`, or several `order.*`.
    #[serde(default)]
    pub event: Option<TopicPattern>,
    /// The routes whose answers it is made of: `POST /orders`, `/orders/{id}`, `/orders/**`; `/**` is every request.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub routes: Vec<RoutePattern>,
    /// Of these routes, only answers with such a status: `201`, or `2xx`. Without, all.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub status: Vec<StatusPattern>,
    /// Where its value is: `/total_cents` in the JSON of the event or of the answer, a pointer as in RFC 6901; of an answer also
    /// `header:x-items`, `size` in bytes, or `duration` in seconds. A counter counts without one.
    #[serde(default)]
    pub value: Option<Field>,
    /// The labels of its series, each with where its value is: `/state`, or a fixed text `=eu`; of an event `topic` and `source`, of an
    /// answer `header:x-plan`, `method`, `route` and `status`. Values must be few.
    #[serde(default)]
    pub labels: BTreeMap<String, Label>,
    /// Where the buckets of a histogram end. Without, those of its unit.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub buckets: Vec<f64>,
}

/// What becomes of the values of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricSort {
    /// They are added up.
    Counter,
    /// The last one is shown.
    Gauge,
    /// They are counted by how large they are.
    Histogram,
}

impl From<MetricSort> for FamilyKind {
    fn from(sort: MetricSort) -> Self {
        match sort {
            MetricSort::Counter => Self::Counter,
            MetricSort::Gauge => Self::Gauge,
            MetricSort::Histogram => Self::Histogram,
        }
    }
}

/// What a metric is called: dotted words of lower-case letters, digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricName(String);

impl MetricName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fits = text.len() <= 100
            && text.split('.').all(is_name)
            && text.starts_with(|first: char| first.is_ascii_lowercase());
        if !fits {
            return Err(format!(
                "`{text}` is no name of a metric; write dotted words of lower-case letters, digits and `_`: `orders.placed`"
            ));
        }
        let plain = text.replace('.', "_");
        if ["chassis_", "custom_metrics_"]
            .iter()
            .any(|own| plain.starts_with(own))
        {
            return Err(format!(
                "`{text}` is taken: `chassis` and `custom_metrics` begin the names of others; begin it with what your service does"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What is wrong with the name of a label.
pub(crate) fn check_label(text: &str) -> Result<(), String> {
    if ["plugin", "le", "quantile"].contains(&text) {
        return Err(format!(
            "`{text}` is set by others; give the label another name"
        ));
    }
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    match begins && text.len() <= 64 && is_name(text) {
        true => Ok(()),
        false => Err(format!(
            "`{text}` is no name of a label; write lower-case letters, digits and `_`"
        )),
    }
}

fn is_name(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !word.is_empty() && word.bytes().all(is_plain)
}

/// One status, `201`, or all that begin with a digit, `2xx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusPattern {
    /// The lowest one, and the highest.
    from: u16,
    to: u16,
}

impl StatusPattern {
    pub(crate) fn is_for(self, status: StatusCode) -> bool {
        (self.from..=self.to).contains(&status.as_u16())
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let class = text
            .strip_suffix("xx")
            .and_then(|class| class.parse::<u16>().ok());
        let (from, to) = match (class, text.parse()) {
            (Some(class), _) => (
                class.saturating_mul(100),
                class.saturating_mul(100).saturating_add(99),
            ),
            (None, Ok(one)) => (one, one),
            (None, Err(_)) => (0, 0),
        };
        match (100..600).contains(&from) {
            true => Ok(Self { from, to }),
            false => Err(format!("`{text}` is no status; write `201`, or `2xx`")),
        }
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.from),
            false => write!(f, "{}xx", self.from / 100),
        }
    }
}

texts! {
    MetricName "metric-name" "the name of a metric, as `orders.placed`" "^[a-z][a-z0-9_.]*$";
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for StatusPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StatusPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = StatusPattern;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status, as `201` or `2xx`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StatusPattern, E> {
                StatusPattern::parse(text).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<StatusPattern, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<StatusPattern, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for StatusPattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StatusPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "pattern": "^[1-5](xx|[0-9]{2})$", "minimum": 100, "maximum": 599 })
    }
}
