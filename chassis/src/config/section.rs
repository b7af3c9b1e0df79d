//! A section of the tree becomes a type, or errors that name path, place and what to write instead.

use serde::de::DeserializeOwned;

use super::{
    fault::{Fault, Problem},
    path::{self, Step},
    read::Reader,
    tree::{Node, Origin, Tree},
};
use crate::{
    error::{Error, code},
    text::{did_you_mean, quoted},
};

/// Reads the section at `path`. An absent one is read like an empty one, so that a type whose fields
/// all have defaults needs no section, and one that requires a field says which.
///
/// # Errors
///
/// All of them: serde stops at the first, so the value that it stopped at is taken out, and it is
/// asked again.
pub(crate) fn read<T: DeserializeOwned>(
    section: Option<&Tree>,
    path: &[&str],
) -> Result<T, Vec<Error>> {
    let mut tree = section
        .cloned()
        .unwrap_or_else(|| Tree::empty(Origin::Default));
    let mut removed: Vec<Vec<Step>> = Vec::new();
    let mut errors = Vec::new();
    loop {
        let fault = match T::deserialize(Reader(&tree)) {
            Ok(value) if errors.is_empty() => return Ok(value),
            Ok(_) => return Err(errors),
            Err(fault) => fault,
        };
        let at = fault.path();
        let missing = match fault.problem {
            Problem::Missing { key } => Some(at.iter().cloned().chain([key.into()]).collect()),
            _ => None,
        };
        // It may be missing because it was taken out: told already.
        if missing.is_none_or(|missing: Vec<Step>| !removed.contains(&missing)) {
            errors.push(error(fault, path, &at));
        }
        // The whole list instead of an item of it, for that would move the items behind it.
        let keys: Vec<String> = at
            .iter()
            .map_while(|step| match step {
                Step::Key(key) => Some(key.clone()),
                Step::Item(_) => None,
            })
            .collect();
        if tree.remove(&keys).is_none() {
            return Err(errors);
        }
        removed.push(keys.iter().map(Step::from).collect());
    }
}

/// An error about a key that is not among the known ones, with the nearest of them.
pub(super) fn unknown_key(key: &str, known: &[&str], parent: &str, place: &Origin) -> Error {
    let message = match parent {
        "" => format!("`{key}` is not a known section"),
        parent => format!("`{key}` is not a known key of `{parent}`"),
    };
    let help = did_you_mean(key, known.iter().copied()).unwrap_or_else(|| match known {
        [] => "there are no settings here".to_owned(),
        known => format!("known here: {}", quoted(known.iter().copied())),
    });
    placed(
        Error::new(code::CONFIG_UNKNOWN_KEY, message).with_help(help),
        place,
    )
}

/// An error about the value at a path, in the usual form.
pub(super) fn invalid(path: &str, place: &Origin, message: &str) -> Error {
    placed(
        Error::new(code::CONFIG_INVALID, format!("`{path}`: {message}")),
        place,
    )
}

fn placed(error: Error, place: &Origin) -> Error {
    match place {
        // What nobody wrote is nowhere.
        Origin::Default => error,
        place => error.from_origin(place.to_string()),
    }
}

fn error(fault: Fault, base: &[&str], at: &[Step]) -> Error {
    let whole: Vec<Step> = base
        .iter()
        .map(|key| Step::from(*key))
        .chain(at.iter().cloned())
        .collect();
    let place = fault.origin.unwrap_or(Origin::Default);
    let (message, help) = match fault.problem {
        Problem::Unknown { key, known } => {
            // The path ends with the key.
            let parent = whole.split_last().map_or(&[][..], |(_, parent)| parent);
            return unknown_key(&key, known, &path::show(parent.iter().cloned()), &place);
        }
        Problem::Missing { key } => {
            let path = path::show(whole.into_iter().chain([key.into()]));
            return placed(
                Error::new(code::CONFIG_INVALID, format!("`{path}` is missing")),
                &place,
            )
            .with_help(format!("give it a value: `{key}: ..`"));
        }
        Problem::Choice { value, known } if value.is_empty() => (
            format!("it is not one of {}", quoted(known.iter().copied())),
            None,
        ),
        Problem::Choice { value, known } => (
            format!("`{value}` is not one of {}", quoted(known.iter().copied())),
            did_you_mean(&value, known.iter().copied()),
        ),
        Problem::Type { expected } => {
            let help = help(&expected).map(ToOwned::to_owned);
            (format!("expected {expected}"), help)
        }
        Problem::Other(message) => {
            let help = (message == "invalid socket address syntax")
                .then(|| "write an IP address and a port: `127.0.0.1:8080`".to_owned());
            (message, help)
        }
    };
    let error = invalid(&path::show(whole), &place, &message);
    match help {
        Some(help) => error.with_help(help),
        None => error,
    }
}

/// What YAML makes easy to get wrong.
fn help(expected: &str) -> Option<&'static str> {
    let (expected, found) = expected.split_once(", found ")?;
    match found {
        "nothing" => Some("give it a value, or remove the key to have the default"),
        "a float" | "an integer" | "a boolean" if expected.contains("string") => {
            Some("write it in quotes")
        }
        "a string" if expected == "a boolean" => Some("write `true` or `false`"),
        _ if expected == "a list" => Some("a list is written `[a, b]`"),
        _ => None,
    }
}

/// Whether the section is there and says something.
pub(super) fn is_said(tree: &Tree) -> bool {
    match &tree.node {
        Node::Null => false,
        Node::Map(entries) => !entries.is_empty(),
        _ => true,
    }
}
