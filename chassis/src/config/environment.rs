//! The environment as a layer: `CHASSIS__SERVER__LISTEN` sets `server.listen`.

use std::{collections::BTreeMap, ffi::OsString, sync::Arc};

use super::{
    load,
    tree::{Node, Origin, Tree},
};
use crate::error::{Error, code};

/// Two underscores: `CHASSIS_PROFILE` and its like are not settings.
const PREFIX: &str = "CHASSIS__";

/// Lays the variables that are ours over the tree, in the order of their names; `CHASSIS__A` comes
/// before `CHASSIS__A__B`, which may so add to what the first one sets.
pub(super) fn apply(
    tree: &mut Tree,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    errors: &mut Vec<Error>,
) {
    let ours: BTreeMap<OsString, OsString> = variables
        .into_iter()
        .filter(|(name, _)| name.to_string_lossy().starts_with(PREFIX))
        .collect();
    for (name, value) in &ours {
        let shown = name.to_string_lossy();
        let origin = Origin::Environment(shown.as_ref().into());
        let fail = |message: String| {
            Error::new(code::CONFIG_UNREADABLE, message).from_origin(origin.to_string())
        };
        let Some(segments) = name.to_str().and_then(segments) else {
            errors.push(
                fail(format!("`{shown}` does not name a setting"))
                    .with_help("write `CHASSIS__SERVER__LISTEN` for `server.listen`"),
            );
            continue;
        };
        // Never the value itself: the environment is where secrets are.
        let Some(text) = value.to_str() else {
            errors.push(fail(format!("the value of `{shown}` is not UTF-8")));
            continue;
        };
        let path = resolve(tree, &segments);
        tree.set(&path, scalar(text, origin));
    }
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
            [ref section] if section == "plugins" => segment.replace('_', "-"),
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

/// One word may be a number, a boolean or null; what stands in brackets or quotes is YAML; all else
/// is text as it is. Not YAML throughout: `a: b` would be a map, and `x # y` would lose its end.
fn scalar(text: &str, origin: Origin) -> Tree {
    let quoted = text.starts_with(['"', '\'']);
    let structured = quoted || text.starts_with(['[', '{']);
    let word = !text.contains([
        ' ', '\t', '\n', '#', ':', '&', '*', '!', '|', '>', '%', '@', '`',
    ]);
    if (structured || word)
        && let Some(mut tree) = load::value(text, &origin)
        && (structured || !matches!(tree.node, Node::List(_) | Node::Map(_)))
    {
        if !quoted {
            // If a string is expected after all, it is to be the text as it was given.
            tree.text = Some(Arc::from(text));
        }
        return tree;
    }
    Tree::new(Node::String(text.to_owned()), origin)
}
