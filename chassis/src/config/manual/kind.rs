//! Types in words.

use serde_json::Value;

use super::view::View;
use crate::text::quoted;

/// Texts with a form of their own: the format, what it is called, and an example.
const FORMATS: &[(&str, &str, &str)] = &[
    ("time-span", "time", "30s"),
    ("byte-size", "size", "2MiB"),
    ("percentage", "percentage", "50%"),
    ("network", "network", "10.0.0.0/8"),
    ("socket-address", "address with a port", "127.0.0.1:8080"),
    ("ip", "IP address", ""),
    ("ipv4", "IPv4 address", ""),
    ("ipv6", "IPv6 address", ""),
    ("uri", "URI", ""),
    ("email", "e-mail address", ""),
    ("hostname", "host name", ""),
    ("uuid", "UUID", ""),
    ("date", "date", "2026-01-31"),
    ("date-time", "date with a time", "2026-01-31T12:00:00Z"),
];

/// What one may write there.
pub(super) fn kind(view: &View<'_>) -> String {
    match view.is_secret() {
        true => format!("{}, secret", plain(view)),
        false => plain(view),
    }
}

fn plain(view: &View<'_>) -> String {
    if let Some(choices) = choices(view) {
        return choice(&choices);
    }
    let forms = view.forms();
    if !forms.is_empty() {
        let kinds: Vec<String> = forms.iter().map(kind).collect();
        return either(&kinds);
    }
    let of = |child: Option<View<'_>>| child.map(|child| format!(" of {}", kind(&child)));
    match view.kind() {
        Some("string") => string(view),
        Some("integer") => number(view, "integer"),
        Some("number") => number(view, "number"),
        Some("array") => format!("list{}", of(view.items()).unwrap_or_default()),
        Some("object") => format!("map{}", of(view.free()).unwrap_or_default()),
        Some("null") => "nothing".to_owned(),
        Some(other) => other.to_owned(),
        None => "anything".to_owned(),
    }
}

/// One of several kinds.
pub(super) fn either<S: AsRef<str>>(kinds: &[S]) -> String {
    let mut kinds: Vec<&str> = kinds.iter().map(AsRef::as_ref).collect();
    kinds.dedup();
    let names = kinds.iter().map(|kind| {
        let names = kind.strip_prefix("one of ").unwrap_or(kind);
        names.starts_with('`').then_some(names)
    });
    match names.collect::<Option<Vec<_>>>() {
        Some(names) if names.len() > 1 => format!("one of {}", names.join(", ")),
        _ => kinds.join(" or "),
    }
}

/// The values, if there are only some.
fn choices(view: &View<'_>) -> Option<Vec<String>> {
    let show = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some(value) = view.get("const") {
        return Some(vec![show(value)]);
    }
    if let Some(values) = view.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter(|value| !value.is_null());
        return Some(values.map(show).collect());
    }
    let forms = view.forms();
    let choices = forms.iter().map(choices).collect::<Option<Vec<_>>>()?;
    (!choices.is_empty()).then(|| choices.concat())
}

fn choice(names: &[String]) -> String {
    let quoted = quoted(names.iter().map(|name| &**name));
    match names.len() {
        1 => quoted,
        _ => format!("one of {quoted}"),
    }
}

fn string(view: &View<'_>) -> String {
    let format = view.text("format");
    let known = FORMATS.iter().find(|(name, ..)| Some(*name) == format);
    let (word, example) = known.map_or(("string", ""), |(_, word, example)| (*word, *example));
    let examples = view.get("examples").and_then(Value::as_array);
    let own = examples.and_then(|examples| examples.first()?.as_str());
    match own.unwrap_or(example) {
        "" => word.to_owned(),
        example => format!("{word}, as `{example}`"),
    }
}

fn number(view: &View<'_>, word: &str) -> String {
    let bound = |keyword| view.get(keyword).filter(|bound| bound.is_number());
    let least = bound("minimum");
    let is_whole = word == "integer" && least.and_then(Value::as_u64).is_some();
    let word = if is_whole { "whole number" } else { word };
    match (least, bound("maximum")) {
        (Some(least), Some(most)) => format!("{word} from {least} to {most}"),
        (Some(least), None) if !is_whole || least != 0 => format!("{word}, {least} or more"),
        (None, Some(most)) => format!("{word}, at most {most}"),
        _ => word.to_owned(),
    }
}
