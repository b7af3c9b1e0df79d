//! The instances that a configuration makes, in order.

use super::exclusive;
use crate::{
    config::Config,
    error::{Error, Result, code},
    graph::{self, Node, Order},
    info::Stage,
    registry::{Registry, Spec},
    text,
};
use std::{collections::BTreeSet, sync::Arc};

/// The instances of a configuration, and their order; nothing is built.
#[derive(Debug)]
pub(crate) struct Lineup {
    pub(crate) specs: Vec<Spec>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) order: Order,
    /// What each instance holds and can't be there twice.
    pub(super) holds: Vec<BTreeSet<String>>,
}

impl Lineup {
    pub(crate) fn of(registry: &Registry, config: &Config) -> Result<Self> {
        let (specs, errors) = registry.instances(config.sections());
        Error::all(errors).map_or(Ok(()), Err)?;
        let nodes = nodes(&specs);
        let order = order(&nodes)?;
        check_stages(&specs, &order)?;
        let holds = exclusive::holdings(&specs)?;
        Ok(Self {
            holds,
            specs,
            nodes,
            order,
        })
    }
}

/// What the order is computed from. Who is disabled needs nothing, and provides only what nobody else does: then those
/// who require it are told that it is disabled, rather than that it is missing.
fn nodes(specs: &[Spec]) -> Vec<Node> {
    let capability = |provides: &str| provides.split(' ').next().unwrap_or_default().to_owned();
    let enabled = specs.iter().filter(|spec| spec.is_enabled());
    let provided: BTreeSet<String> = enabled
        .flat_map(|spec| &spec.registration.info.provides)
        .map(|provides| capability(provides))
        .collect();
    let node = |spec: &Spec| {
        let mut node = spec.node();
        if !spec.is_enabled() {
            node.requires.clear();
            node.after.clear();
            node.before.clear();
            node.provides
                .retain(|provides| !provided.contains(&capability(provides)));
        }
        node
    };
    specs.iter().map(node).collect()
}

/// The order of plugins, for this version of the chassis.
pub(crate) fn order(nodes: &[Node]) -> Result<Order> {
    graph::order(nodes, &chassis_version())
        .map_err(|errors| Error::all(errors).unwrap_or_else(|| Error::msg("there is no order")))
}

fn chassis_version() -> semver::Version {
    // The version of this crate is valid, or Cargo would not have built it.
    semver::Version::parse(env!("CARGO_PKG_VERSION")).unwrap_or(semver::Version::new(0, 0, 0))
}

/// A plugin of the first stage can't wait for one of the second.
fn check_stages(specs: &[Spec], order: &Order) -> Result<()> {
    let stage = |index: usize| specs[index].registration.info.stage;
    let late = |index: usize| {
        let late = order
            .waits_for(index)
            .iter()
            .copied()
            .filter(|&other| stage(other) == Stage::Service);
        text::quoted(late.map(|other| &*specs[other].name))
    };
    let errors = (0..specs.len())
        .filter(|&index| stage(index) == Stage::Bootstrap)
        .filter_map(|index| {
            let late = late(index);
            (!late.is_empty()).then(|| {
                let message = format!(
                    "`{}` is of the stage `bootstrap`, and {late} are built after it",
                    specs[index].name
                );
                Error::new(code::MISSING, message)
                    .in_plugin(Arc::clone(&specs[index].name))
                    .with_help("make them `stage = \"bootstrap\"` too, or do without them")
            })
        });
    Error::all(errors).map_or(Ok(()), Err)
}
