//! What a client sends to place an order, and the check of it.

use crate::{
    catalog::Catalog,
    order::{INVALID, Item},
};
use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// What `POST /orders` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Who orders.
    #[schemars(length(min = 1))]
    pub customer: String,
    /// What is ordered.
    #[schemars(length(min = 1, max = MOST))]
    pub items: Vec<NewItem>,
}

/// One line of a [`NewOrder`]. The price is the shop's to say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    /// The name of the product.
    pub product: String,
    /// How many of it.
    #[schemars(range(min = 1, max = MOST))]
    pub quantity: u32,
}

/// How many lines an order may have, and how many of a product a line.
const MOST: u32 = 100;

impl NewOrder {
    /// The items with their prices, or everything that is wrong, at once.
    ///
    /// # Errors
    ///
    /// `orders.invalid`, once for each mistake.
    pub fn check(&self, catalog: &Catalog) -> Result<Vec<Item>> {
        let mut errors = Vec::new();
        if self.customer.trim().is_empty() {
            errors.push(invalid("customer".to_owned(), "is empty"));
        }
        if self.items.is_empty() {
            errors.push(invalid("items".to_owned(), "is empty: order something"));
        }
        if self.items.len() > MOST as usize {
            errors.push(invalid(
                "items".to_owned(),
                &format!("has more than {MOST} lines"),
            ));
        }
        let mut items = Vec::with_capacity(self.items.len().min(MOST as usize));
        for (index, NewItem { product, quantity }) in
            self.items.iter().take(MOST as usize).enumerate()
        {
            let at = |field: &str| format!("items[{index}].{field}");
            if !(1..=MOST).contains(quantity) {
                let message = format!("is {quantity}; order 1 to {MOST}");
                errors.push(invalid(at("quantity"), &message));
            }
            match catalog.price_cents(product) {
                Some(price_cents) => {
                    items.push(Item {
                        product: product.clone(),
                        quantity: *quantity,
                        price_cents,
                    });
                }
                None => {
                    let known = catalog.products().collect::<Vec<_>>().join(", ");
                    let error = invalid(
                        at("product"),
                        &format!("is `{product}`, which is not sold here"),
                    );
                    errors.push(error.with_help(format!("there is {known}")));
                }
            }
        }
        Error::all(errors).map_or(Ok(items), Err)
    }
}

/// The field is in the message for people, and the origin for programs.
fn invalid(field: String, message: &str) -> Error {
    Error::new(INVALID, format!("`{field}` {message}")).from_origin(field)
}
