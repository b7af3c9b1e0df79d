//! The plugin that takes money for orders: a function that requires another plugin, and uses what that one exports.

use crate::{
    order::{NOT_PAYABLE, Order, State},
    store::Store,
};
use chassis::prelude::*;

/// Takes payments for orders.
#[plugin(requires = ["orders"])]
async fn payments(cx: &mut PluginContext) -> Result<()> {
    cx.post("/orders/{id}/pay", pay);
    Ok(())
}

/// `Shared` finds the store that `orders` exports.
async fn pay(store: Shared<Store>, Path(id): Path<u64>) -> Result<Json<Order>> {
    store.change_placed(id, State::Paid, NOT_PAYABLE).map(Json)
}
