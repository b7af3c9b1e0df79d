//! What a generation leaves behind when nobody holds it any more, and where it is taken apart.

use super::{Exporters, Generation, PointEntry};
use crate::{
    graph::{Node, Order},
    http::RouteTable,
    instance::{Instance, Record},
};
use std::{
    any::Any,
    collections::HashMap,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// From so many instances on it is taken apart on a thread of its own: whoever leaves a generation last is a request as often
/// as not, and would pay for it, and all those that wait for its worker. For few of them that would be the longer way.
const MANY: usize = 100;

/// All of a generation that takes time to be taken apart.
struct Estate {
    visible: HashMap<Arc<str>, Exporters>,
    named: HashMap<Arc<str>, Box<dyn Any + Send + Sync>>,
    table: Vec<Box<dyn Any + Send + Sync>>,
    routes: Arc<RouteTable>,
    pages: Arc<RouteTable>,
    /// Nothing of plugins is in these, and they may be large.
    _plain: (Vec<PointEntry>, Vec<Node>, Order, Vec<Arc<Record>>),
    instances: Vec<Arc<Instance>>,
    gone: CancellationToken,
}

impl Generation {
    /// Whether its end is on another thread, some time after the last hold on it.
    pub(crate) fn ends_aside(&self) -> bool {
        self.instances.len() >= MANY
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        let ends_aside = self.ends_aside();
        let nothing = Arc::new(RouteTable::empty());
        let estate = Estate {
            visible: mem::take(&mut self.visible),
            named: mem::take(&mut self.named),
            table: mem::take(&mut self.table),
            routes: mem::replace(&mut self.routes, Arc::clone(&nothing)),
            pages: mem::replace(&mut self.pages, nothing),
            _plain: (
                mem::take(&mut self.points),
                mem::take(&mut self.nodes),
                mem::take(&mut self.order),
                mem::take(&mut self.records),
            ),
            instances: mem::take(&mut self.instances),
            gone: self.gone.clone(),
        };
        if !ends_aside {
            return;
        }
        let workers: &Handle = &self.workers;
        // If the runtime is shutting down, or there is no thread, it ends here.
        let aside = AssertUnwindSafe(|| workers.spawn_blocking(move || drop(estate)));
        _ = catch_unwind(aside);
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        // Who requires goes before what it requires; so it is everywhere, and a plugin's `Drop` may count on it.
        self.visible.clear();
        self.named.clear();
        self.table.clear();
        self.routes = Arc::new(RouteTable::empty());
        self.pages = Arc::clone(&self.routes);
        while let Some(instance) = self.instances.pop() {
            let name = Arc::clone(instance.name());
            if catch_unwind(AssertUnwindSafe(|| drop(instance))).is_err() {
                tracing::error!(plugin = %name, "panicked while it was dropped");
            }
        }
        self.gone.cancel();
    }
}
