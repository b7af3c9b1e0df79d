//! The plugin that says what was ordered: a function, told by a point of this service.

use crate::{order::Order, points::ORDER_PLACED};
use chassis::prelude::*;

/// Announces each order in the log.
#[plugin]
async fn announce(cx: &mut PluginContext) -> Result<()> {
    cx.action(&ORDER_PLACED, async |order: &Order| {
        tracing::info!(
            order = order.id,
            total_cents = order.total_cents,
            "an order was placed"
        );
    });
    Ok(())
}
