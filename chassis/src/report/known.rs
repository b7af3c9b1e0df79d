//! Which instances there are, and their order, whether anything serves yet or not.

use crate::{
    error::{Error, Result, code},
    generation::{Generation, Lease},
    graph::{self, Node, Order},
    info::check_name,
    instance::Record,
    reload::Reloader,
    text,
};
use std::sync::Arc;

const LISTED: &str = "`GET /plugins` lists those that there are";

/// All instances that are known, with their order: those of the generation that serves, or else of the one that is
/// being built first.
pub(super) struct Known {
    pub(super) records: Vec<Arc<Record>>,
    pub(super) nodes: Vec<Node>,
    /// None only while a generation is being built whose plugins can't be put in order.
    pub(super) order: Option<Order>,
    lease: Option<Arc<Lease>>,
}

impl Known {
    pub(super) fn of(reloader: &Reloader) -> Self {
        if let Some(lease) = reloader.current.enter(0) {
            let Generation {
                records,
                nodes,
                order,
                ..
            } = &*lease.0;
            let (records, nodes, order) = (records.clone(), nodes.clone(), Some(order.clone()));
            return Self {
                records,
                nodes,
                order,
                lease: Some(lease),
            };
        }
        let records = reloader.records();
        let nodes: Vec<Node> = records.iter().map(|record| node(record)).collect();
        let order = host_version().and_then(|version| graph::order(&nodes, &version).ok());
        Self {
            records,
            nodes,
            order,
            lease: None,
        }
    }

    /// The place of a record in the order, from 1.
    pub(super) fn place(&self, index: usize) -> Option<usize> {
        let place = self
            .order
            .as_ref()?
            .sequence
            .iter()
            .position(|&other| other == index);
        place.map(|place| place + 1)
    }

    pub(super) fn generation(&self) -> Option<&Generation> {
        self.lease.as_ref().map(|lease| &*lease.0)
    }

    /// The number of the instance of this name.
    ///
    /// # Errors
    ///
    /// If there is none; the error names the nearest.
    pub(super) fn find(&self, name: &str) -> Result<usize> {
        let found = self.records.iter().position(|record| *record.name == *name);
        found.ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> Error {
        let error = Error::new(code::UNKNOWN_PLUGIN, format!("there is no plugin `{name}`"));
        if check_name(name).is_err() {
            return error.with_help(LISTED);
        }
        let provides = |record: &&Arc<Record>| {
            let mut capabilities = record.info.provides.iter();
            capabilities.any(|text| text.split_whitespace().next() == Some(name))
        };
        let providers: Vec<_> = self.records.iter().filter(provides).collect();
        if !providers.is_empty() {
            let providers = text::quoted(providers.iter().map(|record| &*record.name));
            return error.with_help(format!("it is a capability, provided by {providers}"));
        }
        let near = text::did_you_mean(name, self.records.iter().map(|record| &*record.name));
        error.with_help(near.unwrap_or_else(|| LISTED.to_owned()))
    }
}

fn node(record: &Record) -> Node {
    let info = &record.info;
    Node {
        name: Arc::clone(&record.name),
        version: info.version.clone(),
        requires: info.requires.clone(),
        after: info.after.clone(),
        before: info.before.clone(),
        provides: info.provides.clone(),
        origin: Arc::clone(&info.origin),
    }
}

fn host_version() -> Option<semver::Version> {
    semver::Version::parse(env!("CARGO_PKG_VERSION")).ok()
}
