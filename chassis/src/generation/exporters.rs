//! Whose exports an instance may see: its own, and those of what it requires, directly or not.
//!
//! Only instances that export something are kept, and a set is shared by all that see the same: of a thousand instances
//! that require one another, each would list all before it otherwise.

use crate::{
    graph::{Node, Order},
    instance::Instance,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Instances that export something, by name.
pub(crate) type Exporters = Arc<[Arc<Instance>]>;

/// What is seen by an instance that has these exports of its own and requires others that see that.
pub(crate) fn exporters<'a>(
    own: Option<&Arc<Instance>>,
    required: impl Iterator<Item = &'a Exporters>,
) -> Exporters {
    let own = own.filter(|own| !own.exports.is_empty());
    let mut sets: Vec<&Exporters> = required.filter(|set| !set.is_empty()).collect();
    sets.dedup_by(|one, other| Arc::ptr_eq(one, other));
    if let ([set], None) = (&*sets, own) {
        return Arc::clone(set);
    }
    let all = sets.into_iter().flat_map(|set| set.iter()).chain(own);
    let by_name: BTreeMap<_, _> = all.map(|instance| (instance.name(), instance)).collect();
    by_name.into_values().cloned().collect()
}

/// What each instance sees; `built` has those that there are, by their nodes.
pub(super) fn of_all(order: &Order, built: &BTreeMap<usize, &Arc<Instance>>) -> Vec<Exporters> {
    let mut seen: Vec<Exporters> = vec![Arc::default(); order.requires.len()];
    for &index in &order.sequence {
        let required = order.requires[index].iter().map(|&other| &seen[other]);
        seen[index] = exporters(built.get(&index).copied(), required);
    }
    seen
}

/// Whose exports each instance may see.
pub(super) fn visible(
    nodes: &[Node],
    order: &Order,
    instances: &[Arc<Instance>],
) -> HashMap<Arc<str>, Exporters> {
    let by_name: HashMap<&str, &Arc<Instance>> = instances
        .iter()
        .map(|instance| (&**instance.name(), instance))
        .collect();
    let built = nodes.iter().enumerate();
    let built = built
        .filter_map(|(index, node)| Some((index, *by_name.get(&*node.name)?)))
        .collect();
    let seen = of_all(order, &built);
    let names = nodes.iter().map(|node| Arc::clone(&node.name));
    names.zip(seen).collect()
}
