//! The environment as a layer: `CHASSIS__SERVER__LISTEN` sets `server.listen`.

use std::{collections::BTreeMap, ffi::OsString};

use super::{
    foreign::is_reserved,
    path,
    scalar::scalar,
    tree::{Node, Origin, Tree},
};
use crate::error::{Code, Error, code};

/// Two underscores: `CHASSIS_PROFILE` and its like are not settings.
const PREFIX: &str = "CHASSIS__";

/// Lays the variables that are ours over the tree. `CHASSIS__A` comes before `CHASSIS__A__B`, which may
/// so add to the map that the first one sets.
pub(super) fn apply(
    tree: &mut Tree,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    errors: &mut Vec<Error>,
) {
    let variables: BTreeMap<OsString, OsString> = variables.into_iter().collect();
    let mut ours = Vec::new();
    for (name, value) in &variables {
        let shown = name.to_string_lossy();
        if !shown.starts_with(PREFIX) {
            errors.extend(misspelt(&shown));
            continue;
        }
        let Some(segments) = name.to_str().and_then(segments) else {
            let message = format!("`{shown}` does not name a setting");
            errors.push(
                fail(code::CONFIG_UNREADABLE, &shown, message)
                    .with_help("write `CHASSIS__SERVER__LISTEN` for `server.listen`"),
            );
            continue;
        };
        // Never the value itself: the environment is where secrets are.
        let Some(text) = value.to_str() else {
            let message = format!("the value of `{shown}` is not UTF-8");
            errors.push(fail(code::CONFIG_UNREADABLE, &shown, message));
            continue;
        };
        ours.push((segments, shown, text));
    }
    // By what they mean: by name alone, `CHASSIS__a` would come after `CHASSIS__A__B`.
    ours.sort();
    let mut names: BTreeMap<Vec<String>, &str> = BTreeMap::new();
    for (segments, name, text) in &ours {
        let path = resolve(tree, segments);
        if let Some(first) = names.get(&path) {
            let message = format!("`{first}` and `{name}` are the same setting");
            let error = fail(code::CONFIG_INVALID, name, message);
            errors.push(error.with_help("unset one of them"));
            continue;
        }
        if let Some(message) = conflict(tree, &path, &names, name) {
            let error = fail(code::CONFIG_INVALID, name, message);
            errors.push(error.with_help("unset one of them"));
            continue;
        }
        names.insert(path.clone(), name);
        let origin = Origin::Environment(name.as_ref().into());
        tree.set(&path, scalar(text, origin));
    }
}

fn fail(code: Code, name: &str, message: String) -> Error {
    Error::new(code, message).from_origin(Origin::Environment(name.into()).to_string())
}

/// `CHASSIS_SERVER__LISTEN`: nobody means anything else by it.
fn misspelt(name: &str) -> Option<Error> {
    let rest = name.strip_prefix("CHASSIS_")?;
    rest.contains("__").then(|| {
        let message = format!("`{name}` is not read");
        fail(code::CONFIG_UNKNOWN_KEY, name, message)
            .with_help(format!("did you mean `{PREFIX}{rest}`?"))
    })
}

/// Whether another variable sets a value where this one needs a map: one of the two would be lost, and
/// with a section all that the file says there. A value from the file may be replaced, that is what
/// layers are for.
fn conflict(
    tree: &Tree,
    path: &[String],
    names: &BTreeMap<Vec<String>, &str>,
    name: &str,
) -> Option<String> {
    let mut at = tree;
    for (depth, key) in path.iter().enumerate() {
        if let (Origin::Environment(other), false) =
            (&at.origin, matches!(at.node, Node::Map(_) | Node::Null))
        {
            let whole = names.contains_key(&path[..depth]);
            let what = match whole {
                true => "is a value".to_owned(),
                false => format!("has a value at `{}`", path::show(&path[..depth])),
            };
            return Some(format!("`{other}` {what}, but `{name}` needs a map there"));
        }
        at = at.get(key)?;
    }
    None
}

fn segments(name: &str) -> Option<Vec<String>> {
    let segments: Vec<String> = name
        .strip_prefix(PREFIX)?
        .split("__")
        .map(str::to_lowercase)
        .collect();
    segments
        .iter()
        .all(|segment| !segment.is_empty())
        .then_some(segments)
}

/// The keys that the segments mean: those that are there, or else the segments as they are.
fn resolve(tree: &Tree, segments: &[String]) -> Vec<String> {
    let mut at = Some(tree);
    let mut path: Vec<String> = Vec::with_capacity(segments.len());
    for segment in segments {
        let map = at.and_then(Tree::as_map);
        let known = map.and_then(|map| {
            map.get_key_value(segment)
                .or_else(|| map.iter().find(|(key, _)| matches(segment, key)))
                .map(|(key, _)| key.clone())
        });
        let key = known.unwrap_or_else(|| match path[..] {
            // The name of a plugin never has an underscore, known or not.
            [ref section] if section == "plugins" && !is_reserved(segment) => {
                segment.replace('_', "-")
            }
            _ => segment.clone(),
        });
        at = at.and_then(|tree| tree.get(&key));
        path.push(key);
    }
    path
}

/// Whether a segment means this key: a variable can't have hyphens or dots in its name, and its case
/// says nothing.
pub(super) fn matches(segment: &str, key: &str) -> bool {
    let mut segment = segment.chars().flat_map(char::to_lowercase);
    let same = key
        .chars()
        .flat_map(char::to_lowercase)
        .all(|c| match segment.next() {
            Some('_') => matches!(c, '_' | '-' | '.'),
            Some(other) => other == c,
            None => false,
        });
    same && segment.next().is_none()
}
