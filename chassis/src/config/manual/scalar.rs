//! Values as YAML, on one line: quoted where it would be read as something else, and only there.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::{
    load,
    tree::{Node, Origin},
};

/// What some other reader takes for something else.
const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "null", "<<", "="];

/// A value to the right of its key.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        other => inner(other),
    }
}

fn inner(value: &Value) -> String {
    match value {
        Value::String(text) => quoted_if(text, is_plain(text) && is_plain_inside(text)),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inner).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                let key = quoted_if(key, is_plain(key) && is_plain_inside(key));
                format!("{key}: {}", inner(value))
            };
            // A key with nothing after it is absent.
            let entries = entries.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<String> = entries.map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A string that stands alone, or a key.
pub(in super::super) fn plain(text: &str) -> String {
    quoted_if(text, is_plain(text))
}

/// The same in brackets, where more signs have a meaning.
pub(in super::super) fn quoted(text: &str) -> String {
    quoted_if(text, false)
}

fn quoted_if(text: &str, plain: bool) -> String {
    if plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable(c) => quoted.push(c),
            c => _ = write!(quoted, "\\U{:08x}", u32::from(c)),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    let starts = text.starts_with([
        '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@',
        '`',
    ]);
    let ends = text.ends_with(':') || text.trim() != text;
    let means_more = text.contains(": ") || text.contains(" #");
    let is_text = !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    // `1_000` is a number for some.
    let is_number = text.replace('_', "").parse::<f64>().is_ok();
    is_text && !is_number && !starts && !ends && !means_more && text.chars().all(is_printable)
        // The last word is that of the reader.
        && matches!(
            load::value(text, &Origin::Default).map(|tree| tree.node),
            Some(Node::String(read)) if read == text
        )
}

/// In brackets there are more signs with a meaning.
fn is_plain_inside(text: &str) -> bool {
    !text.contains([',', '[', ']', '{', '}', ':'])
}

/// What a YAML text may hold as it is, and what does not end a line for anybody.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}
