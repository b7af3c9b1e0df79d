//! What is kept out of lines and of the audit file.

use chassis::LogValue;
use regex::Regex;
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::Value;
use std::borrow::Cow;

/// What stands in the place of what is kept out.
const REDACTED: &str = "[redacted]";

/// How large a pattern may become, compiled: they are all in memory.
const MAX_PATTERN: usize = 1 << 20;

/// What is kept out.
#[derive(Debug, Default)]
pub(crate) struct Redaction {
    names: Vec<Name>,
    patterns: Vec<Regex>,
}

/// A name of fields, in lower case: its parts between the stars.
#[derive(Debug)]
struct Name(Vec<String>);

impl Redaction {
    pub(crate) fn new<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut all = Self::default();
        for entry in entries {
            all.add(entry)?;
        }
        Ok(all)
    }

    fn add(&mut self, entry: &str) -> Result<(), String> {
        let pattern = entry.strip_prefix('/');
        if let Some(pattern) = pattern.and_then(|rest| rest.strip_suffix('/')) {
            let compiled = regex::RegexBuilder::new(pattern)
                .size_limit(MAX_PATTERN)
                .build();
            let compiled = compiled.map_err(|error| told(&error))?;
            if compiled.is_match("") {
                return Err("it matches where there is nothing, and so everywhere".to_owned());
            }
            self.patterns.push(compiled);
            return Ok(());
        }
        if entry.is_empty() || entry.contains(char::is_whitespace) || entry.starts_with('/') {
            return Err("it is neither a name of fields nor a pattern between slashes".to_owned());
        }
        let entry = entry.to_lowercase();
        self.names
            .push(Name(entry.split('*').map(ToOwned::to_owned).collect()));
        Ok(())
    }

    /// Whether the values of fields that are called so are kept out: by the whole name, or its last word.
    pub(crate) fn hides(&self, name: &str) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let name = name.to_lowercase();
        let last = name.rsplit_once('.').map(|(_, last)| last);
        let mut names = self.names.iter();
        names.any(|known| known.is(&name) || last.is_some_and(|last| known.is(last)))
    }

    /// A text without what a pattern finds in it.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for pattern in &self.patterns {
            if let Cow::Owned(other) = pattern.replace_all(&text, REDACTED) {
                text = Cow::Owned(other);
            }
        }
        text
    }

    /// The value of a field, as it may be shown.
    pub(crate) fn value<'v>(&self, name: &str, value: &'v LogValue) -> Cow<'v, LogValue> {
        if self.hides(name) {
            return Cow::Owned(LogValue::Text(REDACTED.to_owned()));
        }
        let (text, make): (_, fn(String) -> LogValue) = match value {
            LogValue::Text(text) => (text, LogValue::Text),
            LogValue::Shown(text) => (text, LogValue::Shown),
            _ => return Cow::Borrowed(value),
        };
        match self.text(text) {
            Cow::Borrowed(_) => Cow::Borrowed(value),
            Cow::Owned(text) => Cow::Owned(make(text)),
        }
    }
}

impl Name {
    /// What stands first is the beginning, what stands last the end, and what is between comes in order.
    fn is(&self, name: &str) -> bool {
        let Self(parts) = self;
        let [first, between @ .., last] = &parts[..] else {
            // No star.
            return parts.first().is_some_and(|only| only == name);
        };
        let rest = name.strip_prefix(&**first);
        let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        for part in between {
            let Some((_, after)) = rest.split_once(&**part) else {
                return false;
            };
            rest = after;
        }
        true
    }
}

/// In one line: the first ones show the pattern, and where in it the mistake is.
fn told(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let last = last.strip_prefix("error: ").unwrap_or(last);
    format!("it is no regular expression: {last}")
}

/// JSON as it may be shown: also what is nested.
pub(crate) struct Shown<'a> {
    pub(crate) value: &'a Value,
    pub(crate) redact: &'a Redaction,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { value, redact } = *self;
        let shown = |value| Self { value, redact };
        match value {
            Value::String(text) => to.serialize_str(&redact.text(text)),
            Value::Array(values) => {
                let mut list = to.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(&shown(value))?;
                }
                list.end()
            }
            Value::Object(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    match redact.hides(name) {
                        true => map.serialize_entry(name, REDACTED)?,
                        false => map.serialize_entry(name, &shown(value))?,
                    }
                }
                map.end()
            }
            plain => plain.serialize(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn redaction(entries: &[&str]) -> Redaction {
        Redaction::new(entries.iter().copied()).unwrap()
    }

    #[test]
    fn which_names_are_hidden() {
        let hides = |entry: &str, name: &str| redaction(&[entry]).hides(name);
        for (entry, name, is_hidden) in [
            ("password", "password", true),
            ("password", "Password", true),
            ("PassWord", "password", true),
            ("password", "passwords", false),
            ("password", "user.password", true),
            ("password", "password.length", false),
            ("*token*", "access_token", true),
            ("*token*", "tokens", true),
            ("*token*", "token", true),
            ("*token*", "tok", false),
            ("*_key", "api_key", true),
            ("*_key", "key", false),
            ("x-*-id", "x-card-id", true),
            ("x-*-id", "x-id", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "anything", true),
        ] {
            assert_eq!(hides(entry, name), is_hidden, "{entry} {name}");
        }
        assert!(!redaction(&[]).hides("password"));
    }

    #[test]
    fn patterns_are_for_texts() {
        let cards = redaction(&[r"/\b\d{16}\b/", "/(?i)bearer [a-z0-9]+/"]);
        assert_eq!(cards.text("4111111111111111 paid"), "[redacted] paid");
        assert_eq!(cards.text("a BEARER abc, b"), "a [redacted], b");
        assert!(matches!(cards.text("41111111111111112"), Cow::Borrowed(_)));
        let value = LogValue::Shown("Card(4111111111111111)".to_owned());
        let shown = cards.value("card", &value);
        assert_eq!(*shown, LogValue::Shown("Card([redacted])".to_owned()));
    }

    #[test]
    fn what_is_no_entry() {
        for entry in ["", "/(/", "/a*/", "/a{1000}{1000}/", "two words", "/half"] {
            assert!(Redaction::new([entry]).is_err(), "{entry}");
        }
    }

    #[test]
    fn what_is_nested_is_hidden_too() {
        let redact = redaction(&["password", "/secret/"]);
        let value = json!({
            "user": {"Password": {"old": 1, "new": 2}, "name": "a secret name"},
            "list": [{"password": null}, "secret", 7, true],
        });
        let shown = Shown {
            value: &value,
            redact: &redact,
        };
        let expected = json!({
            "user": {"Password": "[redacted]", "name": "a [redacted] name"},
            "list": [{"password": "[redacted]"}, "[redacted]", 7, true],
        });
        assert_eq!(serde_json::to_value(&shown).unwrap(), expected);
    }

    proptest! {
        /// Against the regular expression that it stands for.
        #[test]
        fn stars_mean_anything(entry in "[ab*]{1,6}", name in "[ab]{0,8}") {
            let pattern = format!("^{}$", entry.replace('*', ".*"));
            let expected = Regex::new(&pattern).unwrap().is_match(&name);
            prop_assert_eq!(redaction(&[&entry]).hides(&name), expected, "{} {}", entry, name);
        }
    }
}
