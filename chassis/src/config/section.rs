//! A section of the tree becomes a type, or errors that name path, place and what to write instead.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    fault::{self, Fault, Problem},
    foreign::{self, Advice},
    path::{self, Step},
    read::Reader,
    schema::{self, Subject},
    tree::{Node, Origin, Tree},
    violations::{Violation, Violations},
};
use crate::{
    error::{Error, Fix, code},
    secret,
    text::{did_you_mean, is_slip, nearest, quoted, visible},
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
    typed(section, path).map_err(|found| found.into_iter().map(|found| found.error).collect())
}

/// Something that is wrong with a section.
struct Found {
    /// The path inside of the section.
    at: Vec<Step>,
    kind: Kind,
    error: Error,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    UnknownKey,
    MissingKey,
    /// As the type sees it, of which the schema says more: the range of a setting is not always that of its type.
    Rough,
    Other,
}

/// Everything that is wrong with the section at `path`: as the type can't be read from it, as the schema forbids it, as
/// `validate` refuses it. What two of them say of one value is told once.
pub(crate) fn check<T: DeserializeOwned>(
    section: &Tree,
    path: &[&str],
    schema: &Value,
    validate: impl FnOnce(&T, &mut Violations),
) -> Vec<Error> {
    let (value, mut found) = match typed::<T>(Some(section), path) {
        Ok(value) => (Some(value), Vec::new()),
        Err(found) => (None, found),
    };
    let of_type = found.len();
    for violation in schema::check(section, schema) {
        let told = found[..of_type].iter_mut();
        match { told }.find(|found| found.at == violation.path) {
            None => found.push(violated(violation, path)),
            Some(told) if told.kind == Kind::Rough => {
                let fix = told.error.fix().cloned();
                *told = violated(violation, path);
                // What can be done about it is the same.
                told.error = std::mem::replace(&mut told.error, Error::msg("")).with_fix(fix);
            }
            Some(_) => {}
        }
    }
    forget_misspelt(&mut found);
    if let Some(value) = value {
        let mut violations = Violations::default();
        validate(&value, &mut violations);
        let before = found.len();
        for violation in violations.0 {
            let at = path::steps(&violation.path).unwrap_or_default();
            if !found[..before].iter().any(|found| found.at == at) {
                let error = refused(violation, section, path);
                let kind = Kind::Other;
                found.push(Found { at, kind, error });
            }
        }
    }
    found.into_iter().map(|found| found.error).collect()
}

/// A key that is misspelt is missing, too. That is one mistake, and the help says which key is meant.
fn forget_misspelt(found: &mut Vec<Found>) {
    let of_kind = |kind| move |found: &&Found| found.kind == kind;
    let meant = |missing: &Found, unknown: &Found| {
        let (Some((Step::Key(key), map)), Some((_, other))) =
            (missing.at.split_last(), unknown.at.split_last())
        else {
            return false;
        };
        let help = unknown.error.help().unwrap_or_default();
        map == other && help.starts_with("did you mean") && help.contains(&format!("`{key}`"))
    };
    let told: Vec<Vec<Step>> = found
        .iter()
        .filter(of_kind(Kind::MissingKey))
        .filter(|missing| {
            let mut unknown = found.iter().filter(of_kind(Kind::UnknownKey));
            unknown.any(|unknown| meant(missing, unknown))
        })
        .map(|missing| missing.at.clone())
        .collect();
    found.retain(|found| !told.contains(&found.at));
}

fn whole(base: &[&str], at: &[Step]) -> Vec<Step> {
    let base = base.iter().map(|key| Step::from(*key));
    base.chain(at.iter().cloned()).collect()
}

/// What a schema forbids, in the usual form.
fn violated(violation: schema::Violation, base: &[&str]) -> Found {
    let kind = match violation.subject {
        Subject::UnknownKey => Kind::UnknownKey,
        Subject::MissingKey => Kind::MissingKey,
        Subject::Value => Kind::Other,
    };
    Found {
        at: violation.path.clone(),
        kind,
        error: violation_error(violation, base),
    }
}

fn violation_error(violation: schema::Violation, base: &[&str]) -> Error {
    let whole = whole(base, &violation.path);
    let message = match violation.subject {
        Subject::UnknownKey => {
            let (parent, key) = match whole.split_last() {
                Some((Step::Key(key), parent)) => (parent, key.as_str()),
                _ => (&whole[..], ""),
            };
            let parent = path::show(parent.iter().cloned());
            let message = format!("`{}` is not a known key of `{parent}`", visible(key));
            let error = Error::new(code::CONFIG_UNKNOWN_KEY, message);
            return helped(placed(error, &violation.origin), violation.help);
        }
        Subject::MissingKey => {
            let message = format!("`{}` is missing", path::show(whole));
            let error = Error::new(code::CONFIG_MISSING, message);
            return helped(placed(error, &violation.origin), violation.help);
        }
        Subject::Value => format!("`{}`: {}", path::show(whole), violation.message),
    };
    let error = Error::new(code::CONFIG_INVALID, message);
    helped(placed(error, &violation.origin), violation.help)
}

/// What a plugin refuses, in the usual form.
fn refused(violation: Violation, section: &Tree, base: &[&str]) -> Error {
    let steps = path::steps(&violation.path).unwrap_or_default();
    // The nearest thing that is there: what was not said has no place.
    let mut at = section;
    for step in &steps {
        let inside = match (step, &at.node) {
            (Step::Key(key), _) => at.get(key),
            (Step::Item(index), Node::List(items)) => items.get(*index),
            (Step::Item(_), _) => None,
        };
        let Some(inside) = inside else { break };
        at = inside;
    }
    let path = path::show(whole(base, &steps));
    let error = match violation.is_missing {
        false => invalid(&path, at.place(), &violation.message),
        true => {
            let message = format!("`{path}`: {}", violation.message);
            placed(Error::new(code::CONFIG_MISSING, message), at.place())
        }
    };
    helped(error, violation.help)
}

fn helped(error: Error, help: Option<String>) -> Error {
    match help {
        Some(help) => error.with_help(help),
        None => error,
    }
}

/// The section as its type, or what is wrong with it.
fn typed<T: DeserializeOwned>(section: Option<&Tree>, path: &[&str]) -> Result<T, Vec<Found>> {
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
        if missing
            .as_ref()
            .is_none_or(|missing: &Vec<Step>| !removed.contains(missing))
        {
            errors.push(Found {
                kind: kind(&fault),
                error: error(fault, path, &at),
                at: missing.unwrap_or_else(|| at.clone()),
            });
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

fn kind(fault: &Fault) -> Kind {
    match &fault.problem {
        Problem::Unknown { .. } => Kind::UnknownKey,
        Problem::Missing { .. } => Kind::MissingKey,
        Problem::Number { .. } => Kind::Rough,
        Problem::Type { expected } if fault::is_rough(expected) => Kind::Rough,
        Problem::Other(message) if message == secret::UNREADABLE => Kind::Rough,
        _ => Kind::Other,
    }
}

/// An error about a key that is not among the known ones, with the nearest of them.
pub(super) fn unknown_key(key: &str, known: &[&str], parent: &str, place: &Origin) -> Error {
    let shown = visible(key);
    let message = match parent {
        "" => format!("`{shown}` is not a known section"),
        parent => format!("`{shown}` is not a known key of `{parent}`"),
    };
    let (help, fix) = match (
        foreign::setting(parent, key),
        &*nearest(key, known.iter().copied()),
    ) {
        (Some(help), _) => (help.to_owned(), None),
        (None, []) if known.is_empty() => ("there are no settings here".to_owned(), None),
        (None, []) => {
            let help = format!("known here: {}", quoted(known.iter().copied()));
            (help, None)
        }
        (None, near) => {
            let help = format!("did you mean {}?", quoted(near.iter().copied()));
            let only = (near.len() == 1 && is_slip(key, near[0])).then(|| near[0].to_owned());
            (help, only.map(|to| Fix::Rename { to }))
        }
    };
    let error = Error::new(code::CONFIG_UNKNOWN_KEY, message);
    placed(error.with_help(help).with_fix(fix), place)
}

/// An error about a key at the top that is one of ours in some sections; `None` if it is in none.
pub(super) fn misplaced_key(key: &str, defaults: &Tree, place: &Origin) -> Option<Error> {
    let sections: Vec<&String> = defaults
        .as_map()?
        .iter()
        .filter(|(_, section)| section.get(key).is_some())
        .map(|(name, _)| name)
        .take(3)
        .collect();
    let fix = match sections[..] {
        [] => return None,
        [section] => Some(Fix::MoveUnder {
            key: section.clone(),
        }),
        _ => None,
    };
    let paths: Vec<String> = sections
        .into_iter()
        .map(|section| path::show([section, key]))
        .collect();
    let help = format!("did you mean {}?", quoted(paths.iter().map(String::as_str)));
    let message = format!("`{key}` is not a known section");
    let error = Error::new(code::CONFIG_UNKNOWN_KEY, message);
    Some(placed(error.with_help(help).with_fix(fix), place))
}

/// An error about a key that is a word of another system.
pub(super) fn advised(advice: Advice, place: &Origin) -> Error {
    let error = Error::new(code::CONFIG_UNKNOWN_KEY, advice.message);
    placed(error.with_help(advice.help).with_fix(advice.fix), place)
}

/// An error about the value at a path, in the usual form.
pub(super) fn invalid(path: &str, place: &Origin, message: &str) -> Error {
    placed(
        Error::new(code::CONFIG_INVALID, format!("`{path}`: {message}")),
        place,
    )
}

/// Names the place, if it is one.
pub(super) fn placed(error: Error, place: &Origin) -> Error {
    match place {
        // What nobody wrote is nowhere.
        Origin::Default => error,
        place => error.from_origin(place.to_string()),
    }
}

fn error(fault: Fault, base: &[&str], at: &[Step]) -> Error {
    let whole = whole(base, at);
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
                Error::new(code::CONFIG_MISSING, format!("`{path}` is missing")),
                &place,
            )
            .with_help(format!("give it a value: `{key}: ..`"));
        }
        Problem::Choice { value, known } if value.is_empty() => (
            format!("it is not one of {}", quoted(known.iter().copied())),
            None,
        ),
        Problem::Choice { value, known } => (
            format!(
                "`{}` is not one of {}",
                visible(&value),
                quoted(known.iter().copied())
            ),
            did_you_mean(&value, known.iter().copied()),
        ),
        Problem::Type { expected } => (format!("expected {expected}"), fault.hint.help),
        Problem::Number {
            found: Some(found),
            expected,
        } => (format!("it is {found}; expected {expected}"), None),
        Problem::Number { expected, .. } => (format!("expected {expected}"), None),
        Problem::Other(message) => {
            let help = (message == "invalid socket address syntax")
                .then(|| "write an IP address and a port: `127.0.0.1:8080`".to_owned());
            (message, help)
        }
    };
    let error = invalid(&path::show(whole), &place, &message).with_fix(fault.hint.fix);
    match help {
        Some(help) => error.with_help(help),
        None => error,
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
