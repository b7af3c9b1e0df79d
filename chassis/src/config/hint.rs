//! What to write instead of a value of the wrong kind: what YAML makes easy to get wrong, and other systems write
//! otherwise.

use std::time::Duration;

use super::{
    load,
    tree::{Node, Origin, Tree},
    units::{Time, Unit},
};
use crate::{error::Fix, text::show_duration};

/// For people, and for programs.
#[derive(Debug, Default)]
pub(super) struct Hint {
    pub(super) help: Option<String>,
    pub(super) fix: Option<Fix>,
}

impl Hint {
    /// For what was found where this was expected.
    pub(super) fn new(expected: &str, found: &Tree) -> Self {
        let say = |help: &str| Self {
            help: Some(help.to_owned()),
            fix: None,
        };
        match &found.node {
            Node::Null => say("give it a value, or remove the key to have the default"),
            Node::Bool(_) | Node::Number(_) if expected.contains("string") => {
                say("write it in quotes")
            }
            Node::String(text) if expected == "a boolean" => Self {
                fix: boolean(text).map(replace),
                ..say("write `true` or `false`")
            },
            Node::String(text) if is_number(text, expected) => Self {
                fix: Some(replace(text)),
                ..say("write it without quotes")
            },
            Node::Number(number) if expected == <Time as Unit<Duration>>::EXPECTED => {
                // What came from elsewhere is told in no form.
                let number = number.as_f64().filter(|_| !found.origin.is_elsewhere());
                let time = number.and_then(seconds);
                time.map_or_else(Self::default, |time| say(&format!("write `{time}`")))
            }
            _ if expected == "a list" => say("a list is written `[a, b]`"),
            _ => Self::default(),
        }
    }
}

fn replace(with: &str) -> Fix {
    Fix::Replace {
        with: with.to_owned(),
    }
}

/// What was meant by a word that YAML 1.1 takes for a boolean, or by one in quotes.
fn boolean(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some("true"),
        "false" | "no" | "off" => Some("false"),
        _ => None,
    }
}

/// Whether without its quotes it would be what was expected.
fn is_number(text: &str, expected: &str) -> bool {
    let Some(Node::Number(number)) = load::value(text, &Origin::Default).map(|tree| tree.node)
    else {
        return false;
    };
    if expected == "a number" {
        return true;
    }
    let is_whole = expected.starts_with("a whole number") || expected.starts_with("a nonzero u");
    let is_integer = expected == "an integer" || expected.starts_with("a nonzero i");
    (is_whole && number.is_u64()) || (is_integer && !number.is_f64())
}

/// A number of seconds with its unit, if it is so many milliseconds.
fn seconds(number: f64) -> Option<String> {
    let millis = (number * 1_000.0).round();
    // No time at all is nothing to propose, and a thousand years are no time-out.
    let is_one = (1.0..=1e15).contains(&millis) && (number * 1_000.0 - millis).abs() < 1e-6;
    is_one.then(|| show_duration(Duration::from_secs_f64(millis / 1_000.0)))
}
