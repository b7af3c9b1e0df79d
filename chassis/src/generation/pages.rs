//! Pages of plugins: routes as any others, in a table of their own, without middleware, and not among the requests that are
//! counted.

use super::{Parts, assemble::bounds};
use crate::{
    error::Result,
    http::{RouteContribution, RouteTable},
    metrics::Routes,
};

/// The pages of all plugins.
pub(super) fn table(parts: &Parts<'_>) -> Result<RouteTable> {
    let of_plugins = parts.instances.iter().flat_map(|instance| {
        let section = bounds(&parts.config.sections().get(instance.name()));
        let pages = instance.contributions.pages.iter().cloned();
        pages.map(move |page| RouteContribution {
            bounds: section,
            ..page
        })
    });
    let pages: Vec<RouteContribution> = of_plugins.collect();
    RouteTable::build(&pages, &[], &[], &Routes::default())
}
