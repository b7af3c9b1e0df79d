//! Where the orders are: in memory.

use crate::{
    order::{Order, State, UNKNOWN},
    points::Price,
};
use chassis::{Code, Error, Result};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// All orders. They end with the plugin that owns them: with the process, and with a reload.
#[derive(Debug, Default)]
pub struct Store(Mutex<Orders>);

#[derive(Debug, Default)]
struct Orders {
    last_id: u64,
    by_id: BTreeMap<u64, Order>,
}

impl Store {
    /// Adds an order at this price.
    pub fn add(&self, price: Price) -> Order {
        let mut orders = self.orders();
        orders.last_id += 1;
        let Price {
            customer,
            items,
            total_cents,
        } = price;
        let order = Order {
            id: orders.last_id,
            state: State::Placed,
            customer,
            items,
            total_cents,
        };
        orders.by_id.insert(order.id, order.clone());
        order
    }

    /// The orders that are asked for, by number.
    pub fn list(&self, is_asked_for: impl Fn(&Order) -> bool) -> Vec<Order> {
        self.orders()
            .by_id
            .values()
            .filter(|order| is_asked_for(order))
            .cloned()
            .collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.orders().by_id.len()
    }

    /// One order.
    ///
    /// # Errors
    ///
    /// `orders.unknown`.
    pub fn find(&self, id: u64) -> Result<Order> {
        self.orders()
            .by_id
            .get(&id)
            .cloned()
            .ok_or_else(|| unknown(id))
    }

    /// Takes an order that is placed to another state.
    ///
    /// # Errors
    ///
    /// `orders.unknown`, or `otherwise` if it is not placed (any more).
    pub fn change_placed(&self, id: u64, to: State, otherwise: Code) -> Result<Order> {
        let mut orders = self.orders();
        let order = orders.by_id.get_mut(&id).ok_or_else(|| unknown(id))?;
        if order.state != State::Placed {
            let message = format!("order {id} is {}", order.state.as_str());
            return Err(Error::new(otherwise, message));
        }
        order.state = to;
        Ok(order.clone())
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        // Every change is one step, so what a panic leaves behind is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(id: u64) -> Error {
    Error::new(UNKNOWN, format!("there is no order {id}"))
}
