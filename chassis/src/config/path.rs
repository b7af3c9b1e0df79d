//! The way to a value: `server.listen`, `points."middleware.pre_request".priority`, `proxies[1]`.

use std::fmt::Write as _;

use super::tree::Origin;
use crate::{
    error::{Error, code},
    text::visible,
};

/// One step of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a map.
    Key(String),
    /// Into a list.
    Item(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Self {
        Self::Key(key.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Item(index)
    }
}

/// The steps as text. Keys with a dot stand in quotes: the names of extension points have dots.
pub(super) fn show<S: Into<Step>>(path: impl IntoIterator<Item = S>) -> String {
    let mut text = String::new();
    for step in path {
        match step.into() {
            Step::Item(index) => _ = write!(text, "[{index}]"),
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                let plain = !key.is_empty() && !key.contains(['.', '"', '[', ' ']);
                let key = visible(&key);
                if plain {
                    text.push_str(&key);
                } else {
                    text.extend(["\"", &key, "\""]);
                }
            }
        }
    }
    text
}

/// Reads a path of keys, as [`show`] writes it. `None` if it is not one.
pub(super) fn parse(text: &str) -> Option<Vec<String>> {
    let mut path = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if key.is_empty() {
            return None;
        }
        path.push(key.to_owned());
        rest = match after.strip_prefix('.') {
            Some(rest) => rest,
            None => return after.is_empty().then_some(path),
        };
    }
}

/// Reads the steps of a path, with the items of lists: `policies[1].origins[0]`. `None` if it is not one.
pub(super) fn steps(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for key in parse(text)? {
        let (name, items) = key.split_once('[').unwrap_or((&key, ""));
        if text.contains('"') || !items.ends_with(']') {
            // A key may have a bracket in it.
            steps.push(Step::Key(key));
            continue;
        }
        steps.push(name.into());
        for item in items.trim_end_matches(']').split("][") {
            steps.push(item.parse::<usize>().ok()?.into());
        }
    }
    Some(steps)
}

/// What is said of a path that is none.
pub(super) fn no_path(path: &str, origin: &Origin) -> Error {
    Error::new(code::CONFIG_INVALID, format!("`{path}` is not a path"))
        .with_help("write keys with dots between them: `server.listen`")
        .from_origin(origin.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_items_of_lists_is_read_as_it_is_shown() {
        for text in [
            "a",
            "a.b",
            "a[0]",
            "a[1].b",
            "a[1][20].b.c[3]",
            "a.\"b.c\".d",
        ] {
            assert_eq!(show(steps(text).expect(text)), text);
        }
        assert_eq!(steps("a[1]"), Some(vec!["a".into(), 1.into()]));
        assert_eq!(steps("a.\"b[1]\""), Some(vec!["a".into(), "b[1]".into()]));
        for text in ["", "a..b", "a[]", "a[x]", "a[1]["] {
            assert!(
                steps(text).is_none_or(|steps| show(steps) != text),
                "{text}"
            );
        }
    }
}
