//! An order, and what can be wrong with one.

use chassis::Code;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// How far it is.
    pub state: State,
    /// Who ordered.
    pub customer: String,
    /// What was ordered.
    pub items: Vec<Item>,
    /// What all of it costs, in cents.
    pub total_cents: u64,
}

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It can be paid or cancelled.
    Placed,
    /// It is paid.
    Paid,
    /// It is cancelled.
    Cancelled,
}

impl State {
    /// The state in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// The name of the product.
    pub product: String,
    /// How many of it.
    pub quantity: u32,
    /// What one of it costs, in cents.
    pub price_cents: u32,
}

impl Item {
    /// What the line costs, in cents.
    pub fn total_cents(&self) -> u64 {
        u64::from(self.quantity) * u64::from(self.price_cents)
    }
}

/// There is no order of this number.
pub const UNKNOWN: Code = Code::new("orders.unknown", 404, "There is no order of this number.");

/// What was sent can't become an order.
pub const INVALID: Code = Code::new(
    "orders.invalid",
    422,
    "What was sent can't become an order; `at` says which part of it.",
);

/// The order is paid or cancelled.
pub const NOT_PAYABLE: Code = Code::new(
    "orders.not_payable",
    409,
    "Only an order that is placed can be paid.",
);

/// The order is paid or cancelled.
pub const NOT_CANCELLABLE: Code = Code::new(
    "orders.not_cancellable",
    409,
    "Only an order that is placed can be cancelled.",
);
