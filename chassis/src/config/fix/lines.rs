//! YAML in block style as lines. What else there is in YAML is not understood here, and left alone.

use std::ops::Range;

use crate::config::{
    load,
    tree::{Node, Origin, Tree},
};

/// A text, line by line.
pub(super) struct Lines(Vec<String>);

/// A key with all that is below it.
struct Block {
    lines: Range<usize>,
    indent: usize,
}

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        Self(text.split_inclusive('\n').map(ToOwned::to_owned).collect())
    }

    /// Everything again.
    pub(super) fn text(self) -> String {
        self.0.concat()
    }

    /// Writes another key.
    pub(super) fn rename(&mut self, value: &Tree, from: &str, to: &str) -> Option<()> {
        let (line, column) = self.place(value.key.as_ref()?)?;
        let (before, rest) = self.0[line].split_at(column);
        let is_block = before.chars().all(|c| matches!(c, ' ' | '-'));
        let key = key(rest).filter(|key| is_block && unquoted(key) == Some(from))?;
        let quote = match key.as_bytes().first() {
            Some(b'\'') => "'",
            Some(b'"') => "\"",
            _ if is_plain(to) => "",
            _ => "\"",
        };
        let line_now = format!("{before}{quote}{to}{quote}{}", &rest[key.len()..]);
        self.0[line] = line_now;
        Some(())
    }

    /// Writes another scalar; a comment behind it stays.
    pub(super) fn replace(&mut self, value: &Tree, with: &str) -> Option<()> {
        if matches!(value.node, Node::Map(_) | Node::List(_) | Node::Null) {
            return None;
        }
        let (line, column) = self.place(&value.origin)?;
        let (before, rest) = self.0[line].split_at(column);
        // Not behind a tag or an anchor, nor inside of brackets.
        let is_block = before.trim_end().ends_with([':', '-']);
        let scalar = scalar(rest).filter(|_| is_block)?;
        let read = load::value(scalar, &Origin::Default)?;
        let after = &rest[scalar.len()..];
        let ends = after.trim().is_empty() || after.trim_start().starts_with('#');
        if !ends || !read.same(value) {
            return None;
        }
        self.0[line] = format!("{before}{with}{after}");
        Some(())
    }

    /// Takes a key out, with what is below it. Comments above it stay: who knows what else they are about.
    pub(super) fn remove(&mut self, value: &Tree) -> Option<()> {
        let block = self.block(value)?;
        self.0.drain(block.lines);
        Some(())
    }

    /// Moves a key, with what is below it and the comments directly above, below another key of its map.
    pub(super) fn move_under(&mut self, value: &Tree, map: &Tree, under: &str) -> Option<()> {
        let mut block = self.block(value)?;
        let indent = block.indent;
        let step = match map.key.as_ref().and_then(Origin::in_file) {
            // As deep as the file does it.
            Some((_, column)) => indent.checked_sub(usize::try_from(column).ok()? - 1)?,
            None => 2,
        };
        let ending = match self.0[block.lines.start].ends_with("\r\n") {
            true => "\r\n",
            false => "\n",
        };
        while let Some(above) = block.lines.start.checked_sub(1)
            && self.0[above].trim_start().starts_with('#')
            && indent_of(&self.0[above]) == indent
        {
            block.lines.start = above;
        }
        let (at, depth, head) = match map.get(under) {
            None => {
                let head = format!("{}{under}:{ending}", " ".repeat(indent));
                (block.lines.start, indent + step, Some(head))
            }
            Some(there) => {
                let home = self.block(there).filter(|home| home.indent == indent)?;
                let line = self.0[home.lines.start].trim_start();
                let after = line[key(line)?.len()..]
                    .trim_start()
                    .strip_prefix(':')?
                    .trim();
                if !after.is_empty() && !after.starts_with('#') {
                    return None;
                }
                let first = there.as_map().into_iter().flatten().next();
                let first = first.map(|(_, first)| self.place(first.key.as_ref()?));
                let depth = first.map_or(Some(indent + step), |first| Some(first?.1))?;
                (home.lines.end, depth, None)
            }
        };
        if depth <= indent || block.lines.contains(&at) && at != block.lines.start {
            return None;
        }
        let moved: Vec<String> = self.0.drain(block.lines.clone()).collect();
        let at = match at >= block.lines.end {
            true => at - moved.len(),
            false => at,
        };
        let shift = " ".repeat(depth - indent);
        let moved = moved
            .into_iter()
            .map(|line| match line.trim_end_matches(['\r', '\n']) {
                "" => line,
                _ => format!("{shift}{line}"),
            });
        self.0.splice(at..at, head.into_iter().chain(moved));
        // The last line of a file may have no ending, and stand elsewhere now.
        let last = self.0.len().saturating_sub(1);
        for line in &mut self.0[..last] {
            if !line.ends_with('\n') {
                line.push_str(ending);
            }
        }
        Some(())
    }

    /// The index of the line, and that of the byte in it.
    fn place(&self, origin: &Origin) -> Option<(usize, usize)> {
        let (line, column) = origin.in_file()?;
        let line = usize::try_from(line).ok()?.checked_sub(1)?;
        let column = usize::try_from(column).ok()?.checked_sub(1)?;
        let (byte, _) = self.0.get(line)?.char_indices().nth(column)?;
        Some((line, byte))
    }

    fn block(&self, value: &Tree) -> Option<Block> {
        let (start, indent) = self.place(value.key.as_ref()?)?;
        if indent_of(&self.0[start]) != indent {
            return None;
        }
        let mut end = start + 1;
        for (index, line) in (end..).zip(&self.0[end..]) {
            let content = line.trim();
            let depth = indent_of(line);
            let is_item = depth == indent && (content == "-" || content.starts_with("- "));
            // Blank lines and comments belong to what comes after them, unless more of this does.
            if content.is_empty() || (content.starts_with('#') && depth <= indent) {
                continue;
            }
            if depth <= indent && !is_item {
                break;
            }
            end = index + 1;
        }
        Some(Block {
            lines: start..end,
            indent,
        })
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The key that a text begins with, as it is written.
fn key(text: &str) -> Option<&str> {
    let key = match text.as_bytes().first()? {
        b'"' | b'\'' => in_quotes(text)?,
        _ => {
            let colons = text.match_indices(':').map(|(at, _)| at);
            let mut ends = colons.filter(|at| {
                text[at + 1..]
                    .chars()
                    .next()
                    .is_none_or(char::is_whitespace)
            });
            text[..ends.next()?].trim_end()
        }
    };
    let is_key = text[key.len()..].trim_start().starts_with(':');
    is_key.then_some(key)
}

/// The scalar that a text begins with, as it is written.
fn scalar(text: &str) -> Option<&str> {
    let line = text.trim_end();
    match line.as_bytes().first()? {
        b'"' | b'\'' => in_quotes(line),
        b'|' | b'>' | b'&' | b'*' | b'!' => None,
        _ => Some(line[..line.find(" #").unwrap_or(line.len())].trim_end()),
    }
}

/// Up to the quote that ends it; nothing with escapes.
fn in_quotes(text: &str) -> Option<&str> {
    let quote = text.chars().next()?;
    let inner = text.get(1..)?;
    let end = inner.find(quote)?;
    let is_whole = !inner[..end].contains('\\') && !inner[end + 1..].starts_with(quote);
    is_whole.then(|| &text[..end + 2])
}

fn unquoted(key: &str) -> Option<&str> {
    match key.chars().next()? {
        '"' | '\'' => key.get(1..key.len() - 1),
        _ => Some(key),
    }
}

/// Whether a key needs no quotes.
fn is_plain(key: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(is_word)
}
