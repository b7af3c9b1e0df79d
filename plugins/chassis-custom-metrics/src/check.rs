//! What is wrong with what is declared, beyond what its types say.

use crate::{
    config::{CustomMetricsConfig, MetricConfig, MetricSort, check_label},
    source::{Field, Label},
};
use chassis::prelude::*;
use std::{collections::HashMap, time::Duration};

/// Says what is wrong with the settings.
pub(crate) fn validate(config: &CustomMetricsConfig, found: &mut Violations) {
    let second = Duration::from_secs(1);
    if config.collection_interval < second {
        found
            .refuse("collection_interval", "it is shorter than a second")
            .with_help("write `1s` or more");
    }
    if !(1..=1_048_576).contains(&config.max_body) {
        found
            .refuse("max_body", "it is not between 1 byte and 1 MiB")
            .with_help("write `64KiB`");
    }
    let mut names: HashMap<String, usize> = HashMap::new();
    for (index, metric) in config.metrics.iter().enumerate() {
        for Wrong { at, what, help } in metric.mistakes() {
            let violation = found.refuse(&format!("metrics[{index}]{at}"), what);
            violation.with_help(help);
        }
        // `a.b` and `a_b` are written in the same way, and so is a counter `a.b_total`.
        let written = metric.name.as_str().replace('.', "_");
        let written = written.strip_suffix("_total").unwrap_or(&written);
        if let Some(before) = names.insert(written.to_owned(), index) {
            let message = format!("`metrics[{before}]` has this name already");
            let violation = found.refuse(&format!("metrics[{index}].name"), message);
            violation.with_help(
                "give one of them another name; what tells values of one metric apart is a label",
            );
        }
    }
}

/// A mistake: where in the metric, and what.
pub(crate) struct Wrong {
    /// `.value`, or nothing.
    pub(crate) at: String,
    pub(crate) what: String,
    pub(crate) help: &'static str,
}

impl Wrong {
    fn new(at: impl Into<String>, what: impl Into<String>, help: &'static str) -> Self {
        Self {
            at: at.into(),
            what: what.into(),
            help,
        }
    }
}

/// More than anybody can look at.
const MOST_LABELS: usize = 8;

impl MetricConfig {
    /// Whether it is looked into the event, or into the answer.
    pub(crate) fn looks_into_json(&self) -> bool {
        let mut labels = self.labels.values();
        matches!(self.value, Some(Field::Json(_)))
            || labels.any(|label| matches!(label, Label::Json(_)))
    }

    fn mistakes(&self) -> Vec<Wrong> {
        let mut wrong = self.mistakes_in_itself();
        match (&self.event, self.routes.is_empty()) {
            (None, true) => wrong.push(Wrong::new(
                "",
                "it has no values: neither `event` nor `routes` says where they come from",
                "write `event: order.placed`, or `routes: [POST /orders]`",
            )),
            (Some(_), false) => wrong.push(Wrong::new(
                ".routes",
                "it has an `event` already",
                "make two metrics of it, one for each",
            )),
            _ => {}
        }
        wrong
    }

    /// What is wrong whatever its values come from.
    pub(crate) fn mistakes_in_itself(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let of_event = self.event.is_some();
        if of_event && !self.status.is_empty() {
            let help = "take it away, or write `routes` in place of `event`";
            wrong.push(Wrong::new(".status", "an event has none", help));
        }
        match (&self.value, self.kind) {
            (Some(field), _) if of_event && !matches!(field, Field::Json(_)) => {
                let what = format!("an event has no `{field}`");
                wrong.push(Wrong::new(
                    ".value",
                    what,
                    "write a JSON pointer: `/total_cents`",
                ));
            }
            (Some(Field::Duration), MetricSort::Counter) => wrong.push(Wrong::new(
                ".value",
                "a counter counts in whole numbers, and a duration is less than one",
                "make it a histogram: its sum is all of them together",
            )),
            (None, MetricSort::Gauge | MetricSort::Histogram)
                if of_event || !self.routes.is_empty() =>
            {
                wrong.push(Wrong::new(
                    "",
                    "only a counter does without a `value`",
                    "say where it is: `value: /total_cents`",
                ));
            }
            _ => {}
        }
        self.mistakes_in_labels(&mut wrong);
        self.mistakes_in_buckets(&mut wrong);
        wrong
    }

    fn mistakes_in_labels(&self, wrong: &mut Vec<Wrong>) {
        if self.labels.len() > MOST_LABELS {
            let what = format!("there are more than {MOST_LABELS}");
            let help = "each combination of values is a series: leave some out";
            wrong.push(Wrong::new(".labels", what, help));
        }
        for (name, label) in &self.labels {
            let at = format!(".labels.{name}");
            if let Err(what) = check_label(name) {
                wrong.push(Wrong::new(
                    ".labels",
                    what,
                    "write `state`, or `payment_method`",
                ));
                continue;
            }
            let (events, answers) = label.is_of();
            if self.event.is_some() && !events {
                let what = format!("an event has no `{label}`");
                wrong.push(Wrong::new(
                    &at,
                    what,
                    "write a JSON pointer, `topic`, `source`, or a fixed text: `=eu`",
                ));
            } else if self.event.is_none() && !answers {
                let what = format!("an answer has no `{label}`");
                wrong.push(Wrong::new(
                    &at,
                    what,
                    "write a JSON pointer, `method`, `route`, `status`, `header:x-plan`, or a fixed text: `=eu`",
                ));
            }
        }
    }

    fn mistakes_in_buckets(&self, wrong: &mut Vec<Wrong>) {
        if self.buckets.is_empty() {
            return;
        }
        if self.kind != MetricSort::Histogram {
            let help = "take them away, or make it `kind: histogram`";
            wrong.push(Wrong::new(".buckets", "only a histogram has them", help));
        }
        let grows = self.buckets.array_windows().all(|[one, next]| one < next);
        if !grows || !self.buckets.iter().all(|bound| bound.is_finite()) {
            let help = "write finite numbers, each larger than the one before: `[100, 500, 1000]`";
            wrong.push(Wrong::new(".buckets", "they do not grow", help));
        }
    }
}
