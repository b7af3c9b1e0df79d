//! A configuration file, mended where an error says how: as text, so that comments and everything else stay as they are.
//!
//! Who reads YAML line by line is easily wrong about it, so nothing here is trusted: the change is made to the tree as
//! well, and the text is taken only if it is read as that tree.

use std::cmp::Reverse;

use super::{
    load,
    path::Step,
    tree::{Node, Origin, Tree},
};
use crate::error::{Error, Fix};
use lines::Lines;

mod lines;

/// A text, and what was done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    /// As it is now.
    pub(crate) text: String,
    /// What was done, a line each, in the order of the places: `` config.yaml:9:5: `secret` moved under `config` ``.
    pub(crate) done: Vec<String>,
}

/// Does to a text what errors ask for whose place is in the file of this name; each error is looked at by itself, without
/// [`others`](Error::others). What is not certain is left alone: flow style, anchors, text over several lines, a key that
/// is there already.
///
/// One mistake can hide another. Ask again what is wrong, and call this again, until nothing is done.
pub(crate) fn apply(name: &str, text: &str, errors: &[&Error]) -> Fixed {
    let mut text = text.to_owned();
    let mut done: Vec<((u64, u64), String)> = Vec::new();
    if let Ok(mut tree) = load::parse(name, &text) {
        let mut wishes: Vec<Wish<'_>> = errors
            .iter()
            .filter_map(|error| Wish::of(error, name, &tree))
            .collect();
        // What is inside comes before what is around it, so that the ways to both stay right.
        wishes.sort_by_key(|wish| (Reverse(wish.way.len()), wish.place));
        wishes.dedup_by_key(|wish| wish.place);
        for wish in wishes {
            if let Some((changed, meant)) = wish.fulfil(&text, &tree)
                && changed != text
                && let Ok(read) = load::parse(name, &changed)
                && read.same(&meant)
            {
                let (line, column) = wish.place;
                done.push((
                    wish.place,
                    format!("{name}:{line}:{column}: {}", wish.told()),
                ));
                (text, tree) = (changed, read);
            }
        }
    }
    done.sort();
    Fixed {
        text,
        done: done.into_iter().map(|(_, told)| told).collect(),
    }
}

/// A fix, and the way to what it is for. Places move with every change of the text, ways do not.
struct Wish<'a> {
    way: Vec<Step>,
    place: (u64, u64),
    fix: &'a Fix,
}

impl<'a> Wish<'a> {
    fn of(error: &&'a Error, name: &str, tree: &Tree) -> Option<Self> {
        let fix = error.fix()?;
        let place = error.origin()?.strip_prefix(name)?.strip_prefix(':')?;
        let (line, column) = place.split_once(':')?;
        let place = (line.parse().ok()?, column.parse().ok()?);
        let is_meant: fn(&Tree) -> Option<&Origin> = match fix {
            Fix::Replace { .. } => |tree| Some(&tree.origin),
            Fix::Rename { .. } | Fix::MoveUnder { .. } | Fix::Remove => |tree| tree.key.as_ref(),
        };
        let mut ways = Vec::new();
        ways_to(tree, &mut Vec::new(), &mut ways, &|tree| {
            is_meant(tree).and_then(Origin::in_file) == Some(place)
        });
        // Of an alias, all that it brings has one place.
        match &mut ways[..] {
            [way] => Some(Self {
                way: std::mem::take(way),
                place,
                fix,
            }),
            _ => None,
        }
    }

    /// The text as it should be then, and the tree.
    fn fulfil(&self, text: &str, tree: &Tree) -> Option<(String, Tree)> {
        let (last, way) = self.way.split_last()?;
        let parent = at(tree, way)?;
        let target = at(parent, std::slice::from_ref(last))?;
        let mut lines = Lines::new(text);
        let mut meant = tree.clone();
        let inner = at_mut(&mut meant, way)?;
        if let Fix::Replace { with } = self.fix {
            let value = load::value(with, &Origin::Default)?;
            at_mut(inner, std::slice::from_ref(last))?.node = value.node;
            lines.replace(target, with)?;
            return Some((lines.text(), meant));
        }
        let (Step::Key(key), Node::Map(entries)) = (last, &mut inner.node) else {
            return None;
        };
        let value = entries.remove(key)?;
        match self.fix {
            Fix::Rename { to } => {
                if entries.insert(to.clone(), value).is_some() {
                    return None;
                }
                lines.rename(target, key, to)?;
            }
            Fix::MoveUnder { key: under } => {
                let below = entries
                    .entry(under.clone())
                    .or_insert_with(|| Tree::empty(Origin::Default));
                if matches!(below.node, Node::Null) {
                    *below = Tree::empty(Origin::Default);
                }
                let Node::Map(below) = &mut below.node else {
                    return None;
                };
                if key == under || below.insert(key.clone(), value).is_some() {
                    return None;
                }
                lines.move_under(target, parent, under)?;
            }
            Fix::Remove => {
                // Nothing is left below the key of the map, which is no map then; but a file always is one.
                if entries.is_empty() && !way.is_empty() {
                    inner.node = Node::Null;
                }
                lines.remove(target)?;
            }
            Fix::Replace { .. } => {}
        }
        Some((lines.text(), meant))
    }

    fn told(&self) -> String {
        let key = match self.way.last() {
            Some(Step::Key(key)) => key.as_str(),
            _ => "it",
        };
        match self.fix {
            Fix::Rename { to } => format!("`{key}` renamed to `{to}`"),
            Fix::MoveUnder { key: under } => format!("`{key}` moved under `{under}`"),
            // Without the value, as everywhere.
            Fix::Replace { .. } => format!("`{key}` rewritten"),
            Fix::Remove => format!("`{key}` removed"),
        }
    }
}

fn ways_to(
    tree: &Tree,
    way: &mut Vec<Step>,
    found: &mut Vec<Vec<Step>>,
    is_meant: &dyn Fn(&Tree) -> bool,
) {
    if is_meant(tree) {
        found.push(way.clone());
    }
    let mut into = |step: Step, tree: &Tree| {
        way.push(step);
        ways_to(tree, way, found, is_meant);
        way.pop();
    };
    match &tree.node {
        Node::Map(entries) => entries
            .iter()
            .for_each(|(key, tree)| into(key.into(), tree)),
        Node::List(items) => (0..)
            .zip(items)
            .for_each(|(i, tree)| into(Step::Item(i), tree)),
        _ => {}
    }
}

fn at<'t>(tree: &'t Tree, way: &[Step]) -> Option<&'t Tree> {
    way.iter()
        .try_fold(tree, |tree, step| match (step, &tree.node) {
            (Step::Key(key), Node::Map(entries)) => entries.get(key),
            (Step::Item(index), Node::List(items)) => items.get(*index),
            _ => None,
        })
}

fn at_mut<'t>(tree: &'t mut Tree, way: &[Step]) -> Option<&'t mut Tree> {
    way.iter()
        .try_fold(tree, |tree, step| match (step, &mut tree.node) {
            (Step::Key(key), Node::Map(entries)) => entries.get_mut(key),
            (Step::Item(index), Node::List(items)) => items.get_mut(*index),
            _ => None,
        })
}
