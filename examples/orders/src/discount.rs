//! The plugin that makes large orders cheaper: it has settings, and stands at a point that this service declares.

use crate::points::{PRICE, Price};
use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Makes large orders cheaper.
#[plugin]
#[derive(Debug)]
pub struct Discount(DiscountConfig);

/// What can be set under `plugins.discount.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DiscountConfig {
    /// How much is taken off, in per cent: 0 to 100; more would give money away.
    #[schemars(range(max = 100))]
    pub percent: u32,
    /// From which total on, in cents.
    pub from_cents: u64,
}

impl Default for DiscountConfig {
    fn default() -> Self {
        Self {
            percent: 10,
            from_cents: 10_000,
        }
    }
}

impl Plugin for Discount {
    type Config = DiscountConfig;

    async fn init(config: DiscountConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self(config))
    }
}

#[contributes]
impl Discount {
    #[filter(PRICE)]
    fn apply(&self, price: &mut Price) {
        let DiscountConfig {
            percent,
            from_cents,
        } = self.0;
        if price.total_cents >= from_cents {
            // Rounded down, in favour of the shop.
            price.total_cents -= price.total_cents / 100 * u64::from(percent)
                + price.total_cents % 100 * u64::from(percent) / 100;
        }
    }
}
