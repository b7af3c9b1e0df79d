//! Names and capabilities become edges, or errors that say what to write instead.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use semver::{Version, VersionReq};

use super::{
    Edge, EdgeKind, Node, Ranks, fault,
    requirement::{Capability, Requirement},
};
use crate::error::Error;

/// The name under which the host itself can be required.
const HOST: &str = "chassis";

pub(super) struct Resolved {
    pub(super) edges: Vec<Edge>,
    pub(super) requires: Vec<Vec<usize>>,
    pub(super) errors: Vec<Error>,
}

pub(super) fn resolve(nodes: &[Node], chassis: &Version, ranks: &Ranks) -> Resolved {
    let mut resolver = Resolver {
        nodes,
        chassis,
        names: HashMap::with_capacity(nodes.len()),
        capabilities: BTreeMap::new(),
        edges: Vec::new(),
        requires: vec![Vec::new(); nodes.len()],
        errors: Vec::new(),
    };
    // In the order of the names, so that errors, too, do not depend on the order of the input.
    for &node in &ranks.by_name {
        resolver.index(node);
    }
    for &node in &ranks.by_name {
        resolver.node(node);
    }
    let Resolver {
        mut edges,
        mut requires,
        errors,
        ..
    } = resolver;
    edges.sort_by(|a, b| {
        let key = |edge: &Edge| (ranks.of[edge.from], ranks.of[edge.to], edge.kind);
        key(a).cmp(&key(b)).then_with(|| a.text.cmp(&b.text))
    });
    for requirements in &mut requires {
        requirements.sort_unstable_by_key(|&node| ranks.of[node]);
        requirements.dedup();
    }
    Resolved {
        edges,
        requires,
        errors,
    }
}

struct Provider {
    node: usize,
    version: Option<Version>,
}

struct Resolver<'a> {
    nodes: &'a [Node],
    chassis: &'a Version,
    names: HashMap<&'a str, usize>,
    // A tree, because the candidates of "did you mean" are read from it in order.
    capabilities: BTreeMap<&'a str, Vec<Provider>>,
    edges: Vec<Edge>,
    requires: Vec<Vec<usize>>,
    errors: Vec<Error>,
}

impl<'a> Resolver<'a> {
    fn index(&mut self, index: usize) {
        let node = &self.nodes[index];
        if let Some(&first) = self.names.get(&*node.name) {
            self.fail(index, fault::duplicate(&self.nodes[first], node));
            return;
        }
        self.names.insert(&node.name, index);
        for text in &node.provides {
            match Capability::parse(text) {
                Ok(capability) => {
                    let providers = self.capabilities.entry(capability.name).or_default();
                    if providers.last().is_none_or(|last| last.node != index) {
                        providers.push(Provider {
                            node: index,
                            version: capability.version,
                        });
                    }
                }
                Err(error) => self.fail(index, error),
            }
        }
    }

    fn node(&mut self, index: usize) {
        let node = &self.nodes[index];
        for text in &node.requires {
            match Requirement::parse(text) {
                Ok(requirement) => self.require(index, text, &requirement),
                Err(error) => self.fail(index, error),
            }
        }
        for (kind, texts) in [
            (EdgeKind::After, &node.after),
            (EdgeKind::Before, &node.before),
        ] {
            for text in texts {
                self.soft(index, kind, text.trim());
            }
        }
    }

    fn require(&mut self, index: usize, text: &str, requirement: &Requirement<'a>) {
        let name = requirement.name;
        if name == HOST {
            self.require_host(index, text, requirement.version.as_ref());
            return;
        }
        // A plugin of that very name wins over all that provide a capability of that name: so the
        // help of the ambiguity error, "require one by name", always works.
        if let Some(&other) = self.names.get(name) {
            self.require_one(index, other, EdgeKind::Requires, text, requirement);
            return;
        }
        let providers = self.capabilities.get(name).map_or(&[][..], Vec::as_slice);
        // One that wraps a cache may provide a cache: it means that of another.
        let others: Vec<usize> = providers
            .iter()
            .map(|provider| provider.node)
            .filter(|&node| node != index)
            .collect();
        match others[..] {
            [other] => self.require_one(index, other, EdgeKind::Provides, text, requirement),
            [] if providers.is_empty() => self.missing(index, text, name),
            [] => self.require_one(index, index, EdgeKind::Provides, text, requirement),
            _ => {
                let names: Vec<&str> = others.iter().map(|&node| &*self.nodes[node].name).collect();
                self.fail(index, fault::ambiguous(&self.nodes[index], text, &names));
            }
        }
    }

    fn require_one(
        &mut self,
        index: usize,
        other: usize,
        kind: EdgeKind,
        text: &str,
        requirement: &Requirement<'a>,
    ) {
        let (node, found) = (&self.nodes[index], &self.nodes[other]);
        if index == other {
            self.fail(index, fault::requires_itself(node, text, kind));
            return;
        }
        // The edge is kept even if the version is wrong: a cycle is worth reporting as well.
        self.requires[index].push(other);
        self.edge(index, other, kind, text);

        let Some(wanted) = &requirement.version else {
            return;
        };
        // A plugin may provide its own name with a version: then that is the version of its
        // interface, and the other is only that of its code.
        let declared = self
            .capabilities
            .get(requirement.name)
            .and_then(|providers| {
                providers
                    .iter()
                    .find(|provider| provider.node == other)?
                    .version
                    .as_ref()
            });
        let provided =
            (kind == EdgeKind::Provides || declared.is_some()).then_some(requirement.name);
        let version = if provided.is_some() {
            declared
        } else {
            Some(&found.version)
        };
        if !version.is_some_and(|version| wanted.matches(version)) {
            let error = fault::version(node, text, wanted, found, provided, version);
            self.fail(index, error);
        }
    }

    fn require_host(&mut self, index: usize, text: &str, wanted: Option<&VersionReq>) {
        if let Some(wanted) = wanted.filter(|wanted| !wanted.matches(self.chassis)) {
            let error = fault::host_version(&self.nodes[index], text, wanted, self.chassis);
            self.fail(index, error);
        }
    }

    fn missing(&mut self, index: usize, text: &str, name: &str) {
        let names = self.nodes.iter().map(|node| &*node.name);
        let known = names.chain(self.capabilities.keys().copied());
        let error = fault::missing(&self.nodes[index], text, name, known);
        self.fail(index, error);
    }

    fn soft(&mut self, index: usize, kind: EdgeKind, text: &str) {
        if let Some(&other) = self.names.get(text) {
            if other == index {
                self.fail(index, fault::orders_itself(&self.nodes[index], kind));
            } else {
                self.edge(index, other, kind, text);
            }
            return;
        }
        if let Some(providers) = self.capabilities.get(text) {
            let others: Vec<usize> = providers.iter().map(|provider| provider.node).collect();
            for other in others.into_iter().filter(|&other| other != index) {
                self.edge(index, other, kind, text);
            }
            return;
        }
        // Absent is fine; but with a version in it, it could never be there.
        match Requirement::parse(text) {
            Ok(Requirement { version: None, .. }) => {}
            Ok(Requirement { name, .. }) => self.fail(index, fault::soft_version(text, name, kind)),
            Err(error) => self.fail(index, error),
        }
    }

    fn edge(&mut self, index: usize, other: usize, kind: EdgeKind, text: &str) {
        let (from, to) = match kind {
            EdgeKind::Before => (index, other),
            _ => (other, index),
        };
        let text = Arc::from(text);
        self.edges.push(Edge {
            from,
            to,
            kind,
            declared_by: index,
            text,
        });
    }

    fn fail(&mut self, index: usize, error: Error) {
        let node = &self.nodes[index];
        self.errors.push(
            error
                .in_plugin(node.name.clone())
                .from_origin(node.origin.clone()),
        );
    }
}
