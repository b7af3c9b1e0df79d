//! Names of metrics and labels, as Prometheus takes them.

use super::table::Kind;

/// The labels of a series, sorted by name.
pub(crate) type Labels = Vec<(String, String)>;

/// Suffixes that say what a value is measured in.
const UNITS: &[&str] = &[
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "seconds",
    "kibibytes",
    "mebibytes",
    "gibibytes",
    "tebibytes",
    "bytes",
    "ratio",
    "percent",
    "celsius",
    "meters",
    "grams",
    "joules",
    "volts",
    "amperes",
];

/// The name of a metric as it is written, and its unit: `http.latency` in seconds is `http_latency_seconds`, a counter ends in
/// `_total` and nothing else does.
pub(super) fn exported(kind: Kind, original: &str, unit: Option<&str>) -> (String, Option<String>) {
    let plain = identifier(original);
    let mut name = plain.strip_suffix("_total").unwrap_or(&plain).to_owned();
    if name.is_empty() {
        name.push('_');
    }
    let named = UNITS.iter().find(|unit| has_suffix(&name, unit));
    let unit = match unit.filter(|unit| !unit.is_empty()).map(identifier) {
        Some(unit) if has_suffix(&name, &unit) => Some(unit),
        Some(unit) => {
            name = format!("{name}_{unit}");
            Some(unit)
        }
        None => named.map(|unit| (*unit).to_owned()),
    };
    if kind == Kind::Counter {
        name.push_str("_total");
    }
    (name, unit)
}

fn has_suffix(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit)
        .is_some_and(|rest| rest.ends_with('_'))
}

/// The labels as they are written: legal names, each once. What the chassis itself says of a series comes last, and wins.
pub(super) fn labels<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
    let mut labels = Labels::new();
    for (name, value) in all {
        let name = written(name);
        labels.retain(|(other, _)| *other != name);
        labels.push((name, value.to_owned()));
    }
    labels.sort();
    labels
}

/// The name of a label, as it is written.
pub(super) fn written(label: &str) -> String {
    let mut name = identifier(label);
    // Those with two are the server's own; these two make buckets and quantiles.
    while name.starts_with("__") {
        name.remove(0);
    }
    if name == "le" || name == "quantile" {
        name.push('_');
    }
    name
}

/// Colons are legal, but for rules of the server only.
fn identifier(text: &str) -> String {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut name: String = text
        .chars()
        .map(|c| if is_legal(c) { c } else { '_' })
        .collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_kind_and_unit() {
        let is = |kind, name, unit, wanted: &str| {
            assert_eq!(exported(kind, name, unit).0, wanted, "{name} {unit:?}");
        };
        is(Kind::Counter, "orders.placed", None, "orders_placed_total");
        is(Kind::Counter, "orders_total", None, "orders_total");
        is(Kind::Counter, "sent", Some("bytes"), "sent_bytes_total");
        is(
            Kind::Counter,
            "sent_bytes_total",
            Some("bytes"),
            "sent_bytes_total",
        );
        is(Kind::Gauge, "orders_total", None, "orders");
        is(Kind::Gauge, "9 lives", None, "_9_lives");
        is(Kind::Gauge, "", None, "_");
        is(Kind::Histogram, "query", Some("seconds"), "query_seconds");
        assert_eq!(
            exported(Kind::Gauge, "a_seconds", None).1.as_deref(),
            Some("seconds")
        );
        assert_eq!(
            exported(Kind::Gauge, "a_milliseconds", None).1.as_deref(),
            Some("milliseconds")
        );
    }

    #[test]
    fn labels_are_legal_and_each_is_there_once() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let given = [
            ("plugin", "mine"),
            ("le", "1"),
            ("__a-b", "x"),
            ("plugin", "shop"),
        ];
        let wanted = [pair("_a_b", "x"), pair("le_", "1"), pair("plugin", "shop")];
        assert_eq!(labels(given), wanted);
    }
}
