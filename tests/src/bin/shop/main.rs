//! A service that is configured wrongly in every way there is: see `tests/data/config/README.md`.
#![forbid(unsafe_code)]

use chassis::{Chassis, prelude::*};
use std::{env, process::ExitCode};

// Settings of every kind.
mod stock;
// Plugins that answer at the paths they are told to, and one that has to be told something.
mod counters;
// Plugins that can't be put in order.
mod tangled;

use counters::{Cart, Checkout, Licence};
use stock::Stock;
use tangled::{Billing, Customers, Discounts, Invoices, Loyalty};

/// Says what is there, too.
const WITH: &str = "SHOP_WITH";

fn main() -> ExitCode {
    // All plugins are linked; which of them take part is decided here.
    let shop = Chassis::builder()
        .without_linked_plugins()
        .plugin::<Stock>()
        .plugin::<Cart>()
        .plugin::<Checkout>();
    let shop = match env::var(WITH).as_deref() {
        Ok("licence") => shop.plugin::<Licence>(),
        Ok("cycle") => shop.plugin::<Invoices>().plugin::<Billing>(),
        Ok("missing") => shop.plugin::<Discounts>(),
        Ok("version") => shop.plugin::<Loyalty>().plugin::<Customers>(),
        _ => shop,
    };
    shop.main()
}

/// A plugin that is there, and does nothing.
macro_rules! idle {
    ($($plugin:ty),*) => {$(
        impl Plugin for $plugin {
            type Config = NoConfig;

            async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
                Ok(Self)
            }
        }
    )*};
}

idle!(Invoices, Billing, Discounts, Loyalty, Customers);
