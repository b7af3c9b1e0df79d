//! Schemas as documentation: a commented YAML file, and a table of all keys.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use scalar::flow;
use view::View;

mod leaf;
mod kind;
mod scalar;
mod view;
mod prose;

pub(super) use leaf::table;
#[cfg(test)]
pub(super) use leaf::{Leaf, leaves};
pub(super) use scalar::{plain, quoted};

/// The column of a comment beside a value, if the value ends before it.
const COMMENT_COLUMN: usize = 34;

/// The longest line with a comment beside a value.
const MAX_WIDTH: usize = 110;

/// The longest line of a comment that stands alone.
const MAX_COMMENT: usize = 100;

/// How far a section stands in.
const STEP: usize = 2;

/// A commented YAML file of one section: the keys in the order of the schema's properties, each with
/// its description as a comment and its default as its value.
///
/// What has no default is commented out. What is secret has none that could be written here.
pub(super) fn yaml(schema: &Value, defaults: &Value, indent: usize) -> String {
    let mut page = Page {
        text: String::new(),
        top: indent,
        gutter: None,
    };
    page.section(&View::new(schema), Some(defaults), indent);
    page.text
}

struct Page {
    text: String,
    /// How far the sections stand in that have a blank line between them.
    top: usize,
    /// The column of the `#`, inside of a section that is commented out as a whole.
    gutter: Option<usize>,
}

impl Page {
    /// The keys of a map, and what the defaults have beyond those.
    fn section(&mut self, view: &View<'_>, defaults: Option<&Value>, indent: usize) {
        let properties = view.properties();
        let values = values(view, &properties, defaults);
        let hidden = view.secrets(&Value::Object(values.clone()));
        let is_hidden = |key: &str| hidden.iter().any(|path| path.first() == Some(&key.into()));
        // Between sections there is a blank line, and none between single keys.
        let mut after_section = None;
        for (key, child) in &properties {
            let secret = child.is_secret() || is_hidden(key);
            let is_section = !child.properties().is_empty() && !secret;
            if indent == self.top && after_section.is_some_and(|after| after || is_section) {
                self.text.push('\n');
            }
            after_section = Some(is_section);
            let remark = match (view.is_required(key), child.summary()) {
                (true, summary) => format!("{} (required)", summary.trim_end_matches('.')),
                (false, summary) => summary,
            };
            match values.get(*key) {
                Some(value @ Value::Object(_)) if is_section => {
                    self.subsection(key, child, value, indent);
                }
                None if is_section => self.absent(key, child, &remark, indent),
                value => self.entry(key, value.filter(|_| !secret), remark.trim(), indent),
            }
        }
        // Of a map with free keys, or one that is wider than its schema says.
        for (key, value) in &values {
            if !properties.contains_key(&**key) && !is_hidden(key) {
                self.entry(key, Some(value), "", indent);
            }
        }
    }

    fn subsection(&mut self, key: &str, child: &View<'_>, value: &Value, indent: usize) {
        let start = self.text.len();
        self.section(child, Some(value), indent + STEP);
        let below = self.text.split_off(start);
        self.comment(&child.summary(), indent);
        // With nothing but comments below, `key:` would be nothing instead of an empty map.
        let is_empty = below.lines().all(|line| line.trim_start().starts_with('#'));
        let empty = match is_empty && self.gutter.is_none() {
            true => " {}",
            false => "",
        };
        self.line(&format!("{}:{empty}", plain(key)), indent);
        self.text.push_str(&below);
    }

    /// A section that may be left out as a whole, or whose user has to write something.
    fn absent(&mut self, key: &str, child: &View<'_>, remark: &str, indent: usize) {
        let outer = self.gutter;
        self.comment(remark, indent);
        self.gutter.get_or_insert(indent);
        self.line(&format!("{}:", plain(key)), indent);
        self.section(child, None, indent + STEP);
        self.gutter = outer;
    }

    fn entry(&mut self, key: &str, value: Option<&Value>, remark: &str, indent: usize) {
        let line = match value {
            Some(value) => format!("{}: {}", plain(key), flow(value)),
            // Below a gutter it is commented out already.
            None if self.gutter.is_some() => format!("{}:", plain(key)),
            None => format!("# {}:", plain(key)),
        };
        let beside = match remark.strip_suffix('.') {
            // Beside a value it is a remark, above it a sentence.
            Some(one) if !one.contains(". ") => one,
            _ => remark,
        };
        let width = self.margin(indent) + line.chars().count();
        let gap = COMMENT_COLUMN.saturating_sub(width + 1).max(2);
        if remark.is_empty() {
            self.line(&line, indent);
        } else if width + gap + 2 + beside.chars().count() <= MAX_WIDTH {
            self.line(&format!("{line}{}# {beside}", " ".repeat(gap)), indent);
        } else {
            self.comment(remark, indent);
            self.line(&line, indent);
        }
    }

    fn comment(&mut self, text: &str, indent: usize) {
        let width = MAX_COMMENT.saturating_sub(self.margin(indent) + 2);
        for line in prose::wrap(text, width) {
            self.line(&format!("# {line}"), indent);
        }
    }

    fn line(&mut self, text: &str, indent: usize) {
        let (column, mark) = match self.gutter {
            Some(column) => (column, "# "),
            None => (indent, ""),
        };
        self.text.push_str(&" ".repeat(column));
        self.text.push_str(mark);
        self.text.push_str(&" ".repeat(indent - column));
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Where the text of a line begins.
    fn margin(&self, indent: usize) -> usize {
        indent + self.gutter.map_or(0, |_| 2)
    }
}

/// What stands under the keys if nobody says anything: what the defaults say, or else each key's own
/// schema.
fn values(
    view: &View<'_>,
    properties: &BTreeMap<&str, View<'_>>,
    defaults: Option<&Value>,
) -> Map<String, Value> {
    let defaults = defaults.or(view.get("default")).and_then(Value::as_object);
    let mut values = defaults.cloned().unwrap_or_default();
    for (key, child) in properties {
        if let (false, Some(default)) = (values.contains_key(*key), child.get("default")) {
            values.insert((*key).to_owned(), default.clone());
        }
    }
    values.retain(|_, value| !value.is_null());
    values
}
