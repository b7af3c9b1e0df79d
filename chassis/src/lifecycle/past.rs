//! What the next generation has to know of the one before, without holding it: requests must be able to leave that one
//! while the next is built.

use crate::{
    config::Config,
    generation::Generation,
    graph::{Node, Order},
    instance::{Instance, Record},
};
use std::sync::Arc;

/// What is left of a generation.
pub(crate) struct Past {
    pub(crate) config: Arc<Config>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) order: Order,
    pub(crate) records: Vec<Arc<Record>>,
    pub(crate) instances: Vec<Arc<Instance>>,
}

impl Past {
    pub(crate) fn of(generation: &Generation) -> Self {
        Self {
            config: Arc::clone(&generation.config),
            nodes: generation.nodes.clone(),
            order: generation.order.clone(),
            records: generation.records.clone(),
            instances: generation.instances.clone(),
        }
    }

    /// The same without the instances that are stopped: what they hold is free when nobody holds them.
    pub(super) fn without(&self, is_stopped: impl Fn(&str) -> bool) -> Self {
        let instances = self.instances.iter();
        let instances = instances.filter(|instance| !is_stopped(instance.name()));
        Self {
            config: Arc::clone(&self.config),
            nodes: self.nodes.clone(),
            order: self.order.clone(),
            records: self.records.clone(),
            instances: instances.cloned().collect(),
        }
    }
}
