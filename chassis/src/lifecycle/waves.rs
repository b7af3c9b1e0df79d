//! Which instance is next: as many at once as the order allows.

use crate::graph::Order;
use std::collections::{BTreeMap, BTreeSet};

/// Hands out what is ready: everything that it waits for is done.
pub(super) struct Waves {
    /// For each node that is not ready, for how many others it still waits.
    waiting: BTreeMap<usize, usize>,
    /// Who waits for a node.
    waited_for: BTreeMap<usize, Vec<usize>>,
    /// The place of each node in plugin order.
    places: BTreeMap<usize, usize>,
    /// Ready and not handed out yet, by place.
    ready: BTreeSet<(usize, usize)>,
}

/// Waves over these nodes; what they wait for outside of them is taken for done.
pub(super) fn waves(order: &Order, nodes: &BTreeSet<usize>) -> Waves {
    let mut waves = Waves {
        waiting: BTreeMap::new(),
        waited_for: BTreeMap::new(),
        places: BTreeMap::new(),
        ready: BTreeSet::new(),
    };
    let mine = order.sequence.iter().filter(|node| nodes.contains(node));
    for (place, &node) in mine.enumerate() {
        waves.places.insert(node, place);
        let others = order.waits_for(node).iter();
        let others: BTreeSet<usize> = others.copied().filter(|it| nodes.contains(it)).collect();
        if others.is_empty() {
            waves.ready.insert((place, node));
        } else {
            waves.waiting.insert(node, others.len());
        }
        for other in others {
            waves.waited_for.entry(other).or_default().push(node);
        }
    }
    waves
}

impl Waves {
    pub(super) fn next_ready(&mut self) -> Option<usize> {
        self.ready.pop_first().map(|(_, node)| node)
    }

    pub(super) fn done(&mut self, node: usize) {
        for next in self.waited_for.remove(&node).unwrap_or_default() {
            if let Some(others) = self.waiting.get_mut(&next) {
                *others -= 1;
                if *others == 0 {
                    self.waiting.remove(&next);
                    self.ready.insert((self.places[&next], next));
                }
            }
        }
    }
}
