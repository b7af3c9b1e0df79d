//! Pages of plugins: routes as any others, in a table of their own, without middleware, and not among the requests that are
//! counted.

use super::{Away, Parts, assemble::bounds};
use crate::{
    call::Ward,
    error::Result,
    http::{RouteContribution, RouteTable},
    metrics::Routes,
};
use std::sync::Arc;

/// The pages of all plugins.
pub(super) fn table(parts: &Parts<'_>, service: &Arc<Ward>) -> Result<RouteTable> {
    let of_plugins = parts.instances.iter().flat_map(|instance| {
        let section = bounds(&parts.config.sections().get(instance.name()));
        let pages = instance.contributions.pages.iter().cloned();
        let ward = &instance.record.ward;
        pages.map(move |page| RouteContribution {
            bounds: section,
            ward: Some(Arc::clone(ward)),
            ..page
        })
    });
    let away = parts.away.iter().flat_map(Away::pages);
    let pages: Vec<RouteContribution> = of_plugins.chain(away).collect();
    RouteTable::build(&pages, &[], None, &[], &[], &Routes::default(), service)
}
