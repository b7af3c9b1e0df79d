//! Regular expressions, each compiled once.

use std::collections::BTreeMap;

use regex::Regex;

/// Those that were met so far, by their text.
#[derive(Default)]
pub(super) struct Patterns<'s>(BTreeMap<&'s str, Option<Regex>>);

impl<'s> Patterns<'s> {
    /// Whether the pattern is found anywhere in the text. `None` if it is none that can be read here
    /// (look-ahead, say): its author may be right all the same.
    pub(super) fn matches(&mut self, pattern: &'s str, text: &str) -> Option<bool> {
        let compiled = self
            .0
            .entry(pattern)
            .or_insert_with(|| Regex::new(pattern).ok());
        Some(compiled.as_ref()?.is_match(text))
    }
}
