//! A metric: what is taken of an event or an answer, and where it is recorded.

use crate::{
    config::{MetricConfig, MetricSort},
    series::{Room, Series},
    source::{Field, Label, NONE, number, tidy, word},
    terms::Terms,
};
use chassis::{
    FamilyKind, Meter, Outcome,
    axum::{
        body::HttpBody as _,
        http::{
            HeaderName,
            header::{CONTENT_ENCODING, CONTENT_TYPE},
        },
    },
    prelude::*,
};
use metrics::Counter;
use serde_json::Value;
use std::sync::OnceLock;

/// What is recorded of it.
#[derive(Debug)]
pub(crate) struct Metric {
    config: MetricConfig,
    /// Those whose values are not fixed, in the order of the series.
    labels: Vec<Label>,
    series: Series,
    told: Told,
}

/// What became of the values, as numbers of their own.
struct Told {
    meter: Meter,
    recorded: Counter,
    crowded: OnceLock<Counter>,
    skipped: [OnceLock<Counter>; Skip::ALL.len()],
}

/// Why a value is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// There is nothing where it should be.
    Missing,
    NotANumber,
    /// A counter only grows.
    Negative,
    /// What is looked into has no JSON form.
    NotJson,
    /// An answer that is compressed, or otherwise not as it is read.
    Encoded,
    TooLarge,
    /// An answer that is not there as a whole.
    Streamed,
}

impl Skip {
    const ALL: [Self; 7] = [
        Self::Missing,
        Self::NotANumber,
        Self::Negative,
        Self::NotJson,
        Self::Encoded,
        Self::TooLarge,
        Self::Streamed,
    ];

    const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotANumber => "not_a_number",
            Self::Negative => "negative",
            Self::NotJson => "not_json",
            Self::Encoded => "encoded",
            Self::TooLarge => "too_large",
            Self::Streamed => "streamed",
        }
    }
}

impl Metric {
    pub(crate) fn new(config: &MetricConfig, meter: &Meter) -> Self {
        let told = Told::new(meter.with("metric", config.name.as_str()));
        let mut meter = match config.buckets.is_empty() {
            true => meter.clone(),
            false => meter.with_buckets(config.buckets.iter().copied()),
        };
        let (mut names, mut labels) = (Vec::new(), Vec::new());
        for (name, label) in &config.labels {
            if let Label::Fixed(text) = label {
                meter = meter.with(name, text);
            } else {
                names.push(name.clone());
                labels.push(label.clone());
            }
        }
        let name = config.name.as_str();
        Self {
            series: Series::new(config.kind, name, &config.help, meter, names),
            labels,
            told,
            config: config.clone(),
        }
    }

    /// Whether it has as many series as it may.
    pub(crate) fn is_full(&self, terms: &Terms) -> bool {
        self.series.is_full(terms.max_series)
    }

    /// Records what an event says.
    pub(crate) fn of_event(&self, message: &Message, terms: &Terms) {
        // It is made JSON only if somebody looks into it.
        let json = self.config.looks_into_json().then(|| message.json());
        let json = match json.transpose() {
            Ok(json) => json,
            Err(_) => return self.told.skip(Skip::NotJson),
        };
        let value = match &self.config.value {
            Some(Field::Json(pointer)) => json.and_then(|json| pointer.find(json)).map(number),
            _ => Some(Some(1.0)),
        };
        let label = |label: &Label| match label {
            Label::Json(pointer) => word(json.and_then(|json| pointer.find(json))),
            Label::Topic => tidy(message.topic()),
            Label::Source => tidy(message.source()),
            _ => NONE.to_owned(),
        };
        self.record(value, label, terms);
    }

    /// Records what an answer says.
    pub(crate) fn of_answer(&self, exchange: &mut Exchange, terms: &Terms) {
        let status = exchange.status();
        let is_meant = self.config.status.iter().any(|one| one.is_for(status));
        if !is_meant && !self.config.status.is_empty() || exchange.outcome() == Outcome::ClientGone
        {
            return;
        }
        let json = match self.config.looks_into_json() {
            false => None,
            true => match read(exchange, terms.max_body) {
                Ok(json) => Some(json),
                Err(why) => return self.told.skip(why),
            },
        };
        let exchange = &*exchange;
        #[expect(clippy::cast_precision_loss, reason = "no answer is that large")]
        let value = match &self.config.value {
            None => Some(Some(1.0)),
            Some(Field::Json(pointer)) => {
                let json = json.as_ref().and_then(|json| pointer.find(json));
                json.map(number)
            }
            Some(Field::Header(name)) => {
                header(exchange, name).map(|text| text.trim().parse().ok())
            }
            Some(Field::Size) => size(exchange).map(|size| Some(size as f64)),
            Some(Field::Duration) => Some(Some(exchange.started().elapsed().as_secs_f64())),
        };
        let label = |label: &Label| match label {
            Label::Json(pointer) => word(json.as_ref().and_then(|json| pointer.find(json))),
            Label::Header(name) => header(exchange, name).map_or_else(|| NONE.to_owned(), tidy),
            Label::Method => method(exchange.method()),
            Label::Route => exchange
                .route()
                .map_or_else(|| NONE.to_owned(), |route| tidy(&route.path)),
            Label::Status => status.as_str().to_owned(),
            _ => NONE.to_owned(),
        };
        self.record(value, label, terms);
    }

    /// Records what a closure has said. A counter has its total from it.
    pub(crate) fn of_poll(&self, value: f64) {
        match self.config.kind {
            _ if !value.is_finite() => self.told.skip(Skip::NotANumber),
            MetricSort::Counter if value < 0.0 => self.told.skip(Skip::Negative),
            MetricSort::Counter if value > MOST => self.told.skip(Skip::NotANumber),
            _ => {
                self.series.record_total(value);
                self.told.recorded.increment(1);
            }
        }
    }

    fn record(&self, value: Option<Option<f64>>, label: impl Fn(&Label) -> String, terms: &Terms) {
        let value = match value {
            None => return self.told.skip(Skip::Missing),
            Some(value) => value.filter(|value| value.is_finite()),
        };
        let Some(value) = value else {
            return self.told.skip(Skip::NotANumber);
        };
        match self.config.kind {
            MetricSort::Counter if value < 0.0 => return self.told.skip(Skip::Negative),
            MetricSort::Counter if value > MOST => return self.told.skip(Skip::NotANumber),
            _ => {}
        }
        let labels: Vec<String> = self.labels.iter().map(label).collect();
        let room = self.series.record(&labels, value, terms.max_series);
        self.told.recorded.increment(1);
        if room == Room::Other {
            self.told.crowd();
        }
    }
}

/// What a counter adds at once at most: above, a float is no number of things any more, and the sum would soon begin anew.
const MOST: f64 = 9_007_199_254_740_992.0;

/// How large the answer is, if that is known.
fn size(exchange: &Exchange) -> Option<u64> {
    exchange.response_body()?.size_hint().exact()
}

/// A header of the answer; one that is no text is empty.
fn header<'e>(exchange: &'e Exchange, name: &HeaderName) -> Option<&'e str> {
    let value = exchange.response_headers().get(name)?;
    Some(value.to_str().unwrap_or_default())
}

/// What an answer says, as JSON. What the client gets stays the same.
fn read(exchange: &mut Exchange, max: usize) -> Result<Value, Skip> {
    let headers = exchange.response_headers();
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(is_json) {
        return Err(Skip::NotJson);
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Skip::Encoded);
    }
    let size = size(exchange).ok_or(Skip::Streamed)?;
    if size > max as u64 {
        return Err(Skip::TooLarge);
    }
    let bytes = exchange.response_bytes(max).ok_or(Skip::Streamed)?;
    serde_json::from_slice(&bytes).map_err(|_| Skip::NotJson)
}

/// `application/json`, or a type that says of itself that it is JSON: `application/problem+json`.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

/// The methods that everybody knows: whoever invents one makes no series.
fn method(method: &Method) -> String {
    let known = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
    match known.contains(method) {
        true => method.to_string(),
        false => crate::series::OTHER.to_owned(),
    }
}

const SKIPPED: &str = "custom_metrics.skipped";
const CROWDED: &str = "custom_metrics.crowded";

impl Told {
    fn new(meter: Meter) -> Self {
        // Asked for when there is something to count, and not lost in a reload until then.
        meter.inherit(FamilyKind::Counter, SKIPPED, &["reason"]);
        meter.inherit(FamilyKind::Counter, CROWDED, &[]);
        let recorded = meter.counter(
            "custom_metrics.values",
            "Values that a metric was made of. At 0, nothing that happens is what the metric was declared for.",
        );
        Self {
            meter,
            recorded,
            crowded: OnceLock::new(),
            skipped: Default::default(),
        }
    }

    fn skip(&self, why: Skip) {
        let counter = self.skipped[why as usize].get_or_init(|| {
            let meter = self.meter.with("reason", why.reason());
            meter.counter(
                SKIPPED,
                "Events and answers of which a metric was not made, and why.",
            )
        });
        counter.increment(1);
    }

    fn crowd(&self) {
        let counter = self.crowded.get_or_init(|| {
            self.meter.counter(
                CROWDED,
                "Values that are under `other`, as the metric has as many series as it may.",
            )
        });
        counter.increment(1);
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told").finish_non_exhaustive()
    }
}
