//! Which plugins an answer passes through on its way out, as long as it is not all there.

use super::{exchange::Exchange, route::RouteInfo, table::Target};
use std::sync::Arc;

impl Exchange {
    /// The route, for whoever keeps it.
    pub(crate) fn route_shared(&self) -> Option<Arc<RouteInfo>> {
        self.cx.handling.info.clone()
    }

    /// Whose handler gave the answer, and whose arounds and layers are around it.
    pub(crate) fn passed(&self) -> Vec<Arc<str>> {
        let handling = &self.cx.handling;
        let mut passed = self.chain().wrappers();
        match (&handling.info, &handling.target) {
            (Some(info), _) => passed.push(Arc::clone(&info.owner)),
            // axum does not tell whose router it was.
            (None, Target::Endpoint { .. }) => passed.extend(self.table.mounters.iter().cloned()),
            (None, _) => {}
        }
        passed
    }
}
