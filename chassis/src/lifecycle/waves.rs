//! Which instance is next: as many at once as the order allows.

use crate::graph::Order;
use std::collections::BTreeSet;

/// Hands out what is ready: everything that it waits for is done.
pub(super) struct Waves {
    /// A copy: whoever runs the waves changes what the order belongs to.
    order: Order,
    /// Not handed out yet, in plugin order.
    waiting: Vec<usize>,
    /// Handed out or waiting: what others may have to wait for.
    unfinished: BTreeSet<usize>,
}

/// Waves over these nodes; what they wait for outside of them is taken for done.
pub(super) fn waves(order: &Order, nodes: BTreeSet<usize>) -> Waves {
    Waves {
        order: order.clone(),
        waiting: order
            .sequence
            .iter()
            .copied()
            .filter(|index| nodes.contains(index))
            .collect(),
        unfinished: nodes,
    }
}

impl Waves {
    pub(super) fn next_ready(&mut self) -> Option<usize> {
        let is_ready = |&index: &usize| {
            !self
                .order
                .waits_for(index)
                .iter()
                .any(|other| self.unfinished.contains(other))
        };
        let place = self.waiting.iter().position(is_ready)?;
        Some(self.waiting.remove(place))
    }

    pub(super) fn done(&mut self, index: usize) {
        self.unfinished.remove(&index);
    }
}
