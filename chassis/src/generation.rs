//! Generations: everything that serves at one time.

use crate::{
    config::Config,
    credentials::Credentials,
    graph::{Node, Order},
    http::{Mount, RouteTable},
    instance::{Instance, Record, not_ready},
    scope::{Found, Scope, World},
};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::SystemTime,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

mod assemble;
mod away;
mod cell;
mod door;
mod exporters;
mod estate;
mod list;
mod orphans;
mod middleware;
mod openapi;
mod pages;
mod primitives;
mod probes;
mod streams;

use cell::Cell;
pub use streams::StreamKind;
pub(crate) use {
    assemble::{HandlerEntry, Parts, PointEntry, generation as assemble},
    away::Away,
    exporters::{Exporters, exporters},
    streams::{OpenStream, Stream, Streams},
};

/// Everything that serves at one time: configuration, instances, handlers, routes. Once published it never changes.
pub(crate) struct Generation {
    pub(crate) number: u64,
    pub(crate) created: SystemTime,
    pub(crate) config: Arc<Config>,
    /// All instances that are known, and their order; `records` goes with `nodes`.
    pub(crate) nodes: Vec<Node>,
    pub(crate) order: Order,
    pub(crate) records: Vec<Arc<Record>>,
    /// Those that are built, in order.
    pub(crate) instances: Vec<Arc<Instance>>,
    /// The routers of the service itself.
    pub(crate) routers: Vec<Mount>,
    pub(crate) routes: Arc<RouteTable>,
    /// What plugins answer on the management listener.
    pub(crate) pages: Arc<RouteTable>,
    pub(crate) points: Vec<PointEntry>,
    /// The handlers of linked points, by their index.
    table: Vec<Box<dyn Any + Send + Sync>>,
    /// The handlers of points declared at run time.
    named: HashMap<Arc<str>, Box<dyn Any + Send + Sync>>,
    /// Whose exports each instance may see.
    visible: HashMap<Arc<str>, Exporters>,
    /// The bus of the chassis.
    bus: Arc<dyn Any + Send + Sync>,
    /// Cancelled once it serves.
    serves: CancellationToken,
    /// Where it is taken apart if it is large.
    workers: Handle,
    /// Tells that nobody holds this generation any more.
    gone: CancellationToken,
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// A hold on a generation. Requests take one as they come in; the generation ends when the last is dropped.
///
/// Several leases to one generation stand apart in memory, so that threads that count requests in and out do not
/// fight for one cache line.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Lease(pub(crate) Arc<Generation>);

impl World for Lease {
    fn number(&self) -> u64 {
        self.0.number
    }

    #[inline]
    fn point(&self, index: usize) -> Option<&(dyn Any + Send + Sync)> {
        self.0.table.get(index).map(|handlers| &**handlers)
    }

    fn point_named(&self, name: &str) -> Option<&(dyn Any + Send + Sync)> {
        self.0.named.get(name).map(|handlers| &**handlers)
    }

    fn has_point(&self, name: &str) -> bool {
        self.0.points.iter().any(|point| &*point.info.name == name)
    }

    fn bus(&self) -> &Arc<dyn Any + Send + Sync> {
        &self.0.bus
    }

    fn export(&self, plugin: &str, of: TypeId) -> Found {
        let visible = self
            .0
            .visible
            .get(plugin)
            .map_or(&[][..], |visible| visible);
        find_export(plugin, visible, of)
    }
}

/// The plugin's own export, or else that of the one required plugin that has one.
pub(crate) fn find_export(plugin: &str, visible: &[Arc<Instance>], of: TypeId) -> Found {
    let exporting = visible
        .iter()
        .filter_map(|instance| Some((instance.name(), instance.exports.get(&of)?)));
    let mut found: Vec<_> = exporting.collect();
    if let Some(own) = found.iter().position(|(name, _)| &***name == plugin) {
        found = vec![found[own]];
    }
    match &found[..] {
        [] => Found::Nothing,
        [(_, value)] => Found::One(Arc::clone(value)),
        several => Found::Several(several.iter().map(|(name, _)| Arc::clone(name)).collect()),
    }
}

/// What serves now: the cell that a reload swaps.
#[derive(Debug, Default)]
pub(crate) struct Current {
    serving: Cell<Lease, SHARDS>,
    /// What has no end in sight, whatever generation it began in.
    pub(crate) streams: Arc<Streams>,
    next_shard: AtomicUsize,
    /// The tokens of operators, if there are any: they outlive every generation.
    pub(crate) credentials: OnceLock<Arc<Credentials>>,
}

/// As many leases as threads are likely to count at once.
const SHARDS: usize = 16;

impl Current {
    /// The shard for a new connection.
    pub(crate) fn shard(&self) -> usize {
        self.next_shard.fetch_add(1, Relaxed) % SHARDS
    }

    /// Enters the generation that serves now.
    #[inline]
    pub(crate) fn enter(&self, shard: usize) -> Option<Arc<Lease>> {
        self.serving.enter(shard)
    }

    /// Enters for one unit of background work.
    pub(crate) fn scope(&self) -> Option<Scope> {
        self.enter(self.shard()).map(|lease| Scope::new(lease as _))
    }

    /// Makes a generation the one that serves; nobody enters the one before it any more.
    pub(crate) fn publish(&self, generation: &Arc<Generation>) {
        self.serving.publish(|| Lease(Arc::clone(generation)));
        generation.serves.cancel();
    }

    /// Why requests should go elsewhere; none if they should come.
    pub(crate) fn not_ready(&self) -> Option<String> {
        match self.enter(0) {
            Some(lease) => not_ready(&lease.0.records),
            None => Some("the service is starting, or stopping".to_owned()),
        }
    }

    /// From now on nobody enters anything.
    pub(crate) fn close(&self) {
        self.serving.close();
    }
}
