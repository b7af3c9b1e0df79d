//! The text that Prometheus reads, version 0.0.4.

use super::{
    buckets::Distribution,
    snapshot::{MetricFamily, MetricSeries, MetricValue},
    table::{Kind, Own},
};
use std::fmt::Write as _;

/// A page in the making: values first, text at the end, because some want the values.
#[derive(Debug, Default)]
pub(crate) struct Page {
    families: Vec<MetricFamily>,
}

impl Page {
    /// What kind of text it is.
    pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// Begins a metric of the chassis; its series follow.
    pub(crate) fn begin(&mut self, own: &Own) {
        self.head(own.name, own.kind, own.unit, own.help);
    }

    pub(crate) fn head(&mut self, name: &str, kind: Kind, unit: Option<&str>, help: &str) {
        self.families.push(MetricFamily {
            name: name.to_owned(),
            kind: kind.into(),
            unit: unit.map(ToOwned::to_owned),
            help: help.to_owned(),
            series: Vec::new(),
        });
    }

    /// A series of one value.
    pub(crate) fn value<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.series(name, labels, MetricValue::Number(value));
    }

    /// A whole metric of the chassis that has no labels.
    pub(crate) fn single(&mut self, own: &Own, value: f64) {
        self.begin(own);
        self.value(own.name, [], value);
    }

    /// A series of a histogram.
    pub(crate) fn distribution<'a>(
        &mut self,
        name: &str,
        labels: &[(&'a str, &'a str)],
        values: &Distribution,
    ) {
        let value = MetricValue::Histogram {
            bounds: values.bounds.to_vec(),
            counts: values.counts.clone(),
            sum: values.sum,
        };
        self.series(name, labels.iter().copied(), value);
    }

    /// A series of a summary.
    pub(crate) fn summary<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        count: u64,
        sum: f64,
    ) {
        self.series(name, labels, MetricValue::Summary { count, sum });
    }

    fn series<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: MetricValue,
    ) {
        let mut families = self.families.iter_mut().rev();
        // Nearly always the last.
        if let Some(family) = families.find(|family| family.name == name) {
            let labels = labels.into_iter();
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            family.series.push(MetricSeries {
                labels: labels.collect(),
                value,
            });
        }
    }

    /// The values.
    pub(crate) fn families(self) -> Vec<MetricFamily> {
        self.families
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        let mut text = Text::default();
        for family in &self.families {
            text.family(family);
        }
        text.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, family: &MetricFamily) {
        let MetricFamily {
            name,
            kind,
            unit,
            help,
            series,
        } = family;
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        _ = writeln!(self.0, "# HELP {name} {help}");
        _ = writeln!(self.0, "# TYPE {name} {}", Kind::from(*kind));
        if let Some(unit) = unit {
            // A comment for those who read 0.0.4, a fact for those who know OpenMetrics.
            _ = writeln!(self.0, "# UNIT {name} {unit}");
        }
        for MetricSeries { labels, value } in series {
            self.series(name, labels, value);
        }
    }

    fn series(&mut self, name: &str, labels: &[(String, String)], value: &MetricValue) {
        match value {
            MetricValue::Number(value) => self.line(name, "", labels, None, *value),
            MetricValue::Histogram {
                bounds,
                counts,
                sum,
            } => {
                let mut below = 0;
                let bounds = bounds.iter().copied().chain([f64::INFINITY]);
                for (bound, count) in bounds.zip(counts) {
                    below += count;
                    self.line(name, "_bucket", labels, Some(bound), float(below));
                }
                self.line(name, "_sum", labels, None, *sum);
                self.line(name, "_count", labels, None, float(below));
            }
            MetricValue::Summary { count, sum } => {
                self.line(name, "_sum", labels, None, *sum);
                self.line(name, "_count", labels, None, float(*count));
            }
        }
    }

    fn line(
        &mut self,
        name: &str,
        part: &str,
        labels: &[(String, String)],
        bound: Option<f64>,
        value: f64,
    ) {
        _ = write!(self.0, "{name}{part}");
        let mut open = '{';
        for (name, value) in labels {
            _ = write!(self.0, "{open}{name}=\"{}\"", escaped(value));
            open = ',';
        }
        if let Some(bound) = bound {
            _ = write!(self.0, "{open}le=\"{}\"", number(bound));
            open = ',';
        }
        if open == ',' {
            self.0.push('}');
        }
        _ = writeln!(self.0, " {}", number(value));
    }
}

/// A count, as all values are.
#[expect(
    clippy::cast_precision_loss,
    reason = "values are floats, also for those who read them"
)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_prometheus_wants_it() {
        let mut page = Page::default();
        page.head("a", Kind::Gauge, Some("seconds"), "One\nline \\ more.");
        page.value("a", [("x", "1\"2\\3\n")], f64::INFINITY);
        page.head("b", Kind::Histogram, None, "Many.");
        let values = Distribution {
            bounds: [0.5].into(),
            counts: vec![1, 2],
            sum: 7.5,
        };
        page.distribution("b", &[("x", "y")], &values);
        let wanted = "# HELP a One\\nline \\\\ more.\n# TYPE a gauge\n# UNIT a seconds\n\
            a{x=\"1\\\"2\\\\3\\n\"} +Inf\n\
            # HELP b Many.\n# TYPE b histogram\n\
            b_bucket{x=\"y\",le=\"0.5\"} 1\nb_bucket{x=\"y\",le=\"+Inf\"} 3\n\
            b_sum{x=\"y\"} 7.5\nb_count{x=\"y\"} 3\n";
        assert_eq!(page.finish(), wanted);
    }
}
