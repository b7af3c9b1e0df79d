//! Cycles, told edge by edge.

use std::{collections::VecDeque, fmt::Write as _};

use super::{Edge, Node, Order, Ranks};
use crate::error::{Error, code};

/// One error per cycle, the smallest first. No two of them share a plugin: a knot of ten plugins has
/// thousands of cycles, and all but a few are gone once the smallest are cut.
pub(super) fn errors(nodes: &[Node], order: &Order, ranks: &Ranks) -> Vec<Error> {
    let mut left = vec![true; nodes.len()];
    for &node in &order.sequence {
        left[node] = false;
    }
    let mut cycles: Vec<Vec<usize>> = ranks
        .by_name
        .iter()
        .filter(|&&node| left[node])
        .filter_map(|&start| shortest(start, order, ranks, &left))
        .collect();
    // Stable: cycles of one length stay in the order of the names they begin with.
    cycles.sort_by_key(Vec::len);
    let mut errors = Vec::new();
    for cycle in cycles {
        if cycle.iter().all(|&node| left[node]) {
            for &node in &cycle {
                left[node] = false;
            }
            errors.push(error(nodes, order, &cycle));
        }
    }
    errors
}

/// The shortest cycle whose smallest name is that of `start`, in the direction of "waits for"; of
/// several the one with the smallest names.
fn shortest(start: usize, order: &Order, ranks: &Ranks, left: &[bool]) -> Option<Vec<usize>> {
    let mut reached_from = vec![None; left.len()];
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        let mut next: Vec<usize> = order.waits_for(node).to_vec();
        next.sort_unstable_by_key(|&next| ranks.of[next]);
        for next in next {
            if next == start {
                let mut cycle = vec![node];
                let mut at = node;
                while let Some(previous) = reached_from[at] {
                    cycle.push(previous);
                    at = previous;
                }
                cycle.reverse();
                return Some(cycle);
            }
            // Each cycle is found once, from its smallest name.
            if left[next] && ranks.of[next] > ranks.of[start] && reached_from[next].is_none() {
                reached_from[next] = Some(node);
                open.push_back(next);
            }
        }
    }
    None
}

fn error(nodes: &[Node], order: &Order, cycle: &[usize]) -> Error {
    let names = cycle
        .iter()
        .chain(&cycle[..1])
        .map(|&node| format!("`{}`", nodes[node].name));
    let mut message = format!(
        "plugins depend on each other in a cycle: {}",
        names.collect::<Vec<_>>().join(" -> ")
    );
    let mut soft = None;
    for (i, &waits) in cycle.iter().enumerate() {
        let waited_for = cycle[(i + 1) % cycle.len()];
        // Edges are sorted by kind, so the first one is the hardest between these two.
        let edge = order
            .edges
            .iter()
            .find(|edge| edge.from == waited_for && edge.to == waits);
        if let Some(edge) = edge {
            let origin = &nodes[edge.declared_by].origin;
            _ = write!(message, "\n{} ({origin})", edge.describe(nodes));
            soft = soft.or((!edge.kind.is_hard()).then_some(edge));
        }
    }
    let help = match soft {
        Some(edge) => format!("remove an edge that only orders: {}", whose(nodes, edge)),
        None => "let one of them do without the other: an event, an extension point, or a third \
                 plugin that both require"
            .to_owned(),
    };
    Error::new(code::CYCLE, message).with_help(help)
}

fn whose(nodes: &[Node], edge: &Edge) -> String {
    format!(
        "`{} = [\"{}\"]` of `{}`",
        edge.kind.word(),
        edge.text,
        nodes[edge.declared_by].name
    )
}
