//! The plugin that says what was ordered and paid: a function, told by a point of this service, and by events.

use crate::{order::Order, payments::OrderPaid, points::ORDER_PLACED};
use chassis::prelude::*;

/// Announces each order in the log, and each payment.
#[plugin]
async fn announce(cx: &mut PluginContext) -> Result<()> {
    cx.action(&ORDER_PLACED, async |order: &Order| {
        tracing::info!(
            order = order.id,
            total_cents = order.total_cents,
            "an order was placed"
        );
    });
    // An action is told inline, before the answer; an event waits in a queue, and is tried again if this fails.
    cx.on(OrderPaid::TOPIC, announce_payment).retries(3);
    Ok(())
}

async fn announce_payment((paid, message): (Arc<OrderPaid>, Message)) {
    tracing::info!(
        order = paid.order,
        total_cents = paid.total_cents,
        request_id = message.request_id().map(RequestId::as_str),
        "an order was paid"
    );
}
