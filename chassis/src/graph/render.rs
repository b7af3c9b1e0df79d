//! The order as JSON, as a Mermaid and as a DOT diagram. An arrow goes from a plugin to the one that
//! its declaration names; a dashed arrow only orders.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{EdgeKind, Node, Order};

/// The order of plugins, as JSON.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Graph")]
pub(crate) struct Drawn<'a> {
    /// The plugins, in order.
    nodes: Vec<DrawnNode<'a>>,
    /// Every "comes before", with the declaration behind it.
    edges: Vec<DrawnEdge<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GraphNode")]
struct DrawnNode<'a> {
    /// The name of the instance.
    name: &'a str,
    /// The version of the plugin.
    version: String,
    /// Where it is declared.
    origin: &'a str,
    /// Its place in the order, from 0.
    position: usize,
    /// Capabilities that it provides.
    provides: &'a [String],
    /// The instances that it requires.
    requires: Vec<&'a str>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GraphEdge")]
struct DrawnEdge<'a> {
    /// The one that comes first.
    from: &'a str,
    /// The one that comes after it.
    to: &'a str,
    /// What was declared.
    #[schemars(extend("enum" = ["requires", "after", "before"]))]
    kind: &'a str,
    /// Whose declaration it is.
    declared_by: &'a str,
    /// The declaration, as it is written.
    text: &'a str,
}

impl Order {
    /// Nodes in start order, and every edge with the declaration behind it.
    pub(crate) fn to_json(&self, nodes: &[Node]) -> Value {
        let name = |node: usize| &*nodes[node].name;
        let sequence = self.sequence.iter().enumerate();
        let drawn = Drawn {
            nodes: sequence
                .map(|(position, &node)| DrawnNode {
                    name: name(node),
                    version: nodes[node].version.to_string(),
                    origin: &nodes[node].origin,
                    position,
                    provides: &nodes[node].provides,
                    requires: self.requires[node]
                        .iter()
                        .map(|&other| name(other))
                        .collect(),
                })
                .collect(),
            edges: (self.edges.iter())
                .map(|edge| DrawnEdge {
                    from: name(edge.from),
                    to: name(edge.to),
                    kind: edge.kind.word(),
                    declared_by: name(edge.declared_by),
                    text: &edge.text,
                })
                .collect(),
        };
        json!(drawn)
    }

    /// A line for each plugin, in start order, with what it waits for.
    pub(crate) fn to_text(&self, nodes: &[Node]) -> String {
        let mut text = String::new();
        for (position, &node) in self.sequence.iter().enumerate() {
            _ = write!(text, "{:>4}. {}", position + 1, nodes[node].name);
            let waits: Vec<&str> = self
                .waits_for(node)
                .iter()
                .map(|&other| &*nodes[other].name)
                .collect();
            if !waits.is_empty() {
                _ = write!(text, "  after {}", waits.join(", "));
            }
            text.push('\n');
        }
        text
    }

    /// A flowchart for <https://mermaid.js.org>, which GitHub draws in Markdown.
    pub(crate) fn to_mermaid(&self, nodes: &[Node]) -> String {
        let mut text = String::from("flowchart TD\n");
        let ids = self.ids();
        for &node in &self.sequence {
            let label = mermaid(&format!("{} {}", nodes[node].name, nodes[node].version));
            _ = writeln!(text, "    n{}[\"{label}\"]", ids[node]);
        }
        for edge in &self.edges {
            let arrow = if edge.kind.is_hard() { "-->" } else { "-.->" };
            let label = mermaid(&label(edge.kind, &edge.text, &nodes[edge.other()].name));
            let (a, b) = (ids[edge.declared_by], ids[edge.other()]);
            _ = writeln!(text, "    n{a} {arrow}|\"{label}\"| n{b}");
        }
        text
    }

    /// A graph for `dot -Tsvg`.
    pub(crate) fn to_dot(&self, nodes: &[Node]) -> String {
        let mut text = String::from("digraph plugins {\n    node [shape=box];\n");
        let ids = self.ids();
        for &node in &self.sequence {
            let label = dot(&format!("{} {}", nodes[node].name, nodes[node].version));
            _ = writeln!(text, "    n{} [label=\"{label}\"];", ids[node]);
        }
        for edge in &self.edges {
            let style = if edge.kind.is_hard() {
                "solid"
            } else {
                "dashed"
            };
            let label = dot(&label(edge.kind, &edge.text, &nodes[edge.other()].name));
            let (a, b) = (ids[edge.declared_by], ids[edge.other()]);
            _ = writeln!(text, "    n{a} -> n{b} [label=\"{label}\", style={style}];");
        }
        text.push_str("}\n");
        text
    }

    /// Positions instead of names or indices: no name needs escaping as an identifier, and the text
    /// does not depend on the order of the input.
    fn ids(&self) -> Vec<usize> {
        let mut ids = vec![0; self.sequence.len()];
        for (position, &node) in self.sequence.iter().enumerate() {
            ids[node] = position;
        }
        ids
    }
}

fn label(kind: EdgeKind, text: &str, other: &str) -> String {
    // The name stands at the end of the arrow already.
    if text == other {
        kind.word().to_owned()
    } else {
        format!("{} {text}", kind.word())
    }
}

fn mermaid(label: &str) -> String {
    label.chars().fold(String::new(), |mut text, c| {
        match c {
            '"' => text.push_str("#quot;"),
            '#' => text.push_str("#35;"),
            '&' => text.push_str("#amp;"),
            '<' => text.push_str("#lt;"),
            '>' => text.push_str("#gt;"),
            '`' => text.push_str("#96;"),
            c if c.is_control() => text.push(' '),
            c => text.push(c),
        }
        text
    })
}

fn dot(label: &str) -> String {
    label.chars().fold(String::new(), |mut text, c| {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text.push(' '),
            c => text.push(c),
        }
        text
    })
}
