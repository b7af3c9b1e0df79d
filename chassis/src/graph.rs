//! The order of plugins: a pure function of what they declare. No I/O, no clock, no hash order.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    sync::Arc,
};

use semver::Version;

use crate::error::Error;

mod render;
mod cycle;
mod resolve;
mod fault;
mod requirement;
#[cfg(test)]
mod tests;

pub(crate) use self::render::Drawn;

/// Puts the plugins in order: each one after all that it waits for, ties by name.
///
/// `chassis` is the version of the host, for those who require `chassis ^0.1`.
///
/// # Errors
///
/// All that is wrong, not only the first: whoever corrects a plugin wants to do so once.
pub(crate) fn order(nodes: &[Node], chassis: &Version) -> Result<Order, Vec<Error>> {
    let ranks = Ranks::new(nodes);
    let resolved = resolve::resolve(nodes, chassis, &ranks);
    let mut order = Order {
        sequence: Vec::with_capacity(nodes.len()),
        requires: resolved.requires,
        waits_for: vec![Vec::new(); nodes.len()],
        edges: resolved.edges,
    };
    for edge in &order.edges {
        order.waits_for[edge.to].push(edge.from);
    }
    for predecessors in &mut order.waits_for {
        // Two plugins may be tied twice, say by `requires` and by `before`: that is one wait.
        predecessors.sort_unstable();
        predecessors.dedup();
    }
    order.sort(&ranks);

    let mut errors = resolved.errors;
    if order.sequence.len() < nodes.len() {
        errors.extend(cycle::errors(nodes, &order, &ranks));
    }
    if errors.is_empty() {
        Ok(order)
    } else {
        Err(errors)
    }
}

/// What the graph needs to know of a plugin.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The name of the plugin, or of this instance of it.
    pub(crate) name: Arc<str>,
    /// The version that others' requirements are compared with.
    pub(crate) version: Version,
    /// `billing`, `billing ^1.2`, a capability, or `chassis ^0.1`: there is no start without it.
    pub(crate) requires: Vec<String>,
    /// Names or capabilities to start after, if they are there.
    pub(crate) after: Vec<String>,
    /// Names or capabilities to start before, if they are there.
    pub(crate) before: Vec<String>,
    /// Capabilities that others may require: `cache`, or `cache 1.3`.
    pub(crate) provides: Vec<String>,
    /// Where it is declared: `shop/src/lib.rs:12`.
    pub(crate) origin: Arc<str>,
}

/// The plugins in order, and why they stand so. All numbers are indices into the nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// The order of start; the order of stop is the reverse.
    pub(crate) sequence: Vec<usize>,
    /// Every "comes before", in the order of the names.
    pub(crate) edges: Vec<Edge>,
    /// For each node what it requires directly, capabilities resolved to their providers.
    pub(crate) requires: Vec<Vec<usize>>,
    waits_for: Vec<Vec<usize>>,
}

impl Order {
    /// All that `node` requires, and what that requires, and so on; without `node` itself.
    pub(crate) fn transitive(&self, node: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = self.requires[node].clone();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(&self.requires[next]);
            }
        }
        found
    }

    /// All that must be done before `node` is: what it requires, and what it only comes after.
    pub(crate) fn waits_for(&self, node: usize) -> &[usize] {
        &self.waits_for[node]
    }

    /// Kahn's algorithm. Of those that wait for nobody, the smallest name is next: a heap, not a
    /// queue, because with a queue the order would depend on when a node became free.
    fn sort(&mut self, ranks: &Ranks) {
        let mut successors = vec![Vec::new(); self.waits_for.len()];
        let mut open: Vec<usize> = self.waits_for.iter().map(Vec::len).collect();
        for (node, predecessors) in self.waits_for.iter().enumerate() {
            for &predecessor in predecessors {
                successors[predecessor].push(node);
            }
        }
        let mut free: BinaryHeap<Reverse<usize>> = (0..open.len())
            .filter(|&node| open[node] == 0)
            .map(|node| Reverse(ranks.of[node]))
            .collect();
        while let Some(Reverse(rank)) = free.pop() {
            let node = ranks.by_name[rank];
            self.sequence.push(node);
            for &successor in &successors[node] {
                open[successor] -= 1;
                if open[successor] == 0 {
                    free.push(Reverse(ranks.of[successor]));
                }
            }
        }
    }
}

/// One "comes before", with the words that made it so.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    /// Comes first.
    pub(crate) from: usize,
    /// Comes later.
    pub(crate) to: usize,
    /// Which declaration says so.
    pub(crate) kind: EdgeKind,
    /// The node that declares it: `from` for [`EdgeKind::Before`], else `to`.
    pub(crate) declared_by: usize,
    /// The declaration as it is written: `billing ^1.2`.
    pub(crate) text: Arc<str>,
}

impl Edge {
    /// The node that the declaration is about.
    pub(crate) fn other(&self) -> usize {
        if self.declared_by == self.to {
            self.from
        } else {
            self.to
        }
    }

    /// `` `orders` requires `billing` ``
    pub(crate) fn describe(&self, nodes: &[Node]) -> String {
        let (declarer, other) = (&nodes[self.declared_by].name, &nodes[self.other()].name);
        let by_name = *self.text == **other;
        match self.kind {
            EdgeKind::Requires if by_name => format!("`{declarer}` requires `{other}`"),
            EdgeKind::Requires => format!("`{declarer}` requires `{}`", self.text),
            EdgeKind::Provides => {
                format!(
                    "`{declarer}` requires `{}`, which `{other}` provides",
                    self.text
                )
            }
            kind if by_name => format!("`{declarer}` comes {} `{other}`", kind.word()),
            kind => format!(
                "`{declarer}` comes {} `{}`, which `{other}` provides",
                kind.word(),
                self.text
            ),
        }
    }
}

/// Which declaration an edge comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EdgeKind {
    /// `requires` the name of a plugin.
    Requires,
    /// `requires` a capability, which the other provides.
    Provides,
    /// `after`: only the order, no need of the other.
    After,
    /// `before`: only the order, no need of the other.
    Before,
}

impl EdgeKind {
    /// Whether the later one can't do without the earlier one.
    pub(crate) fn is_hard(self) -> bool {
        matches!(self, Self::Requires | Self::Provides)
    }

    /// The word for it in JSON and in diagrams.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Requires | Self::Provides => "requires",
            Self::After => "after",
            Self::Before => "before",
        }
    }
}

/// The nodes sorted by name, once: everything that must not depend on the order of the input
/// compares ranks, which is cheaper than comparing names.
struct Ranks {
    /// Rank to node.
    by_name: Vec<usize>,
    /// Node to rank.
    of: Vec<usize>,
}

impl Ranks {
    fn new(nodes: &[Node]) -> Self {
        let mut by_name: Vec<usize> = (0..nodes.len()).collect();
        // Names are unique in the end, but duplicates must be reported in a fixed order too.
        by_name.sort_by(|&a, &b| {
            let (a, b) = (&nodes[a], &nodes[b]);
            (&a.name, &a.origin, &a.version).cmp(&(&b.name, &b.origin, &b.version))
        });
        let mut of = vec![0; nodes.len()];
        for (rank, &node) in by_name.iter().enumerate() {
            of[node] = rank;
        }
        Self { by_name, of }
    }
}
