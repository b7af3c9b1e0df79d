//! Where other plugins can take part in this service, linked ones and others.

use crate::order::{Item, Order};
use chassis::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an order costs, before it is placed. Handlers change `total_cents`; if one fails, the order fails.
#[extension_point]
pub static PRICE: FilterPoint<Price> = FilterPoint::new("shop.price").json();

/// An order was placed.
#[extension_point]
pub static ORDER_PLACED: ActionPoint<Order> = ActionPoint::new("shop.order_placed").json();

/// What an order costs, and whom, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// Who orders.
    pub customer: String,
    /// What is ordered.
    pub items: Vec<Item>,
    /// What all of it costs, in cents.
    pub total_cents: u64,
}
