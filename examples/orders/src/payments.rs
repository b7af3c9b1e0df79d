//! The plugin that takes money for orders: a function that requires another plugin, uses what that one exports, and tells of
//! what it did by an event.

use crate::{
    order::{NOT_PAYABLE, Order, State, UNKNOWN},
    store::Store,
};
use chassis::prelude::*;
use serde::{Deserialize, Serialize};

/// An order was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPaid {
    /// The number of the order.
    pub order: u64,
    /// What was paid, in cents.
    pub total_cents: u64,
}

impl Event for OrderPaid {
    const TOPIC: &'static str = "order.paid";
}

/// Takes payments for orders.
#[plugin(requires = ["orders"])]
async fn payments(cx: &mut PluginContext) -> Result<()> {
    // A function has no attribute whose macro could see its types.
    let docs = RouteDocs::new()
        .summary("Takes the money for an order")
        .path::<u64>()
        .answer::<Order>(200, "It is paid.");
    cx.post("/orders/{id}/pay", pay)
        .scopes(["orders:write"])
        .with(docs.fails(UNKNOWN).fails(NOT_PAYABLE));
    Ok(())
}

/// `Shared` finds the store that `orders` exports. Publishing does not wait for those who are told.
async fn pay(store: Shared<Store>, events: Events, Path(id): Path<u64>) -> Result<Json<Order>> {
    let order = store.change_placed(id, State::Paid, NOT_PAYABLE)?;
    events.publish(OrderPaid {
        order: order.id,
        total_cents: order.total_cents,
    })?;
    Ok(Json(order))
}
