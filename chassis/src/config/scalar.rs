//! A text from where there are no quotes - a variable, the command line - as the value it most likely is.

use std::sync::Arc;

use super::{
    load,
    tree::{Node, Origin, Tree},
};

/// One word may be a number, a boolean or null; what stands in brackets or quotes is YAML; all else
/// is text as it is. Not YAML throughout: `a: b` would be a map, and `x # y` would lose its end.
pub(super) fn scalar(text: &str, origin: Origin) -> Tree {
    let quoted = text.starts_with(['"', '\'']);
    let structured = quoted || text.starts_with(['[', '{']);
    if structured && let Some(mut tree) = load::value(text, &origin) {
        if !quoted {
            tree.text = Some(Arc::from(text));
        }
        return tree;
    }
    word(text, origin)
}

/// The same, but never a list or a map: what comes out of a reference can't change the shape of a file.
pub(super) fn word(text: &str, origin: Origin) -> Tree {
    let is_word = !text.contains([
        ' ', '\t', '\n', '\r', '#', ':', '&', '*', '!', '|', '>', '%', '@', '`', '[', '{', '"',
        '\'',
    ]);
    if is_word
        && let Some(mut tree) = load::value(text, &origin)
        && !matches!(tree.node, Node::List(_) | Node::Map(_))
    {
        // If a string is expected after all, it is to be the text as it was given.
        tree.text = Some(Arc::from(text));
        return tree;
    }
    Tree::new(Node::String(text.to_owned()), origin)
}
