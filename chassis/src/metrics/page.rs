//! The text that Prometheus reads, version 0.0.4.

use super::{
    buckets::Distribution,
    table::{Kind, Own},
};
use std::fmt::Write as _;

/// A page in the making.
#[derive(Debug, Default)]
pub(crate) struct Page {
    text: String,
}

impl Page {
    /// What kind of text it is.
    pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    /// Begins a metric of the chassis; its series follow.
    pub(crate) fn begin(&mut self, own: &Own) {
        self.head(own.name, own.kind, own.unit, own.help);
    }

    pub(crate) fn head(&mut self, name: &str, kind: Kind, unit: Option<&str>, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        _ = writeln!(self.text, "# HELP {name} {help}");
        _ = writeln!(self.text, "# TYPE {name} {kind}");
        if let Some(unit) = unit {
            // A comment for those who read 0.0.4, a fact for those who know OpenMetrics.
            _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
    }

    /// A series of one value.
    pub(crate) fn value<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        self.text.push_str(name);
        let mut open = '{';
        for (name, value) in labels {
            _ = write!(self.text, "{open}{name}=\"{}\"", escaped(value));
            open = ',';
        }
        if open == ',' {
            self.text.push('}');
        }
        _ = writeln!(self.text, " {}", number(value));
    }

    /// A whole metric of the chassis that has no labels.
    pub(crate) fn single(&mut self, own: &Own, value: f64) {
        self.begin(own);
        self.value(own.name, [], value);
    }

    /// The series of a histogram.
    pub(crate) fn distribution<'a>(
        &mut self,
        name: &str,
        labels: &[(&'a str, &'a str)],
        values: &Distribution,
    ) {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        let bounds = values.bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, count) in bounds.zip(&values.counts) {
            below += count;
            let bound = number(bound);
            let le = [("le", &*bound)];
            self.value(&bucket, labels.iter().copied().chain(le), float(below));
        }
        self.value(&format!("{name}_sum"), labels.iter().copied(), values.sum);
        self.value(
            &format!("{name}_count"),
            labels.iter().copied(),
            float(below),
        );
    }

    pub(crate) fn finish(self) -> String {
        self.text
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
        let values = Distribution {
            bounds: [0.5].into(),
            counts: vec![1, 2],
            sum: 7.5,
        };
        page.distribution("b", &[("x", "y")], &values);
        let wanted = "# HELP a One\\nline \\\\ more.\n# TYPE a gauge\n# UNIT a seconds\n\
            a{x=\"1\\\"2\\\\3\\n\"} +Inf\n\
            b_bucket{x=\"y\",le=\"0.5\"} 1\nb_bucket{x=\"y\",le=\"+Inf\"} 3\n\
            b_sum{x=\"y\"} 7.5\nb_count{x=\"y\"} 3\n";
        assert_eq!(page.finish(), wanted);
    }
}
