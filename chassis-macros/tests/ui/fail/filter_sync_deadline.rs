//! A deadline for what can't be stopped.

use chassis::prelude::*;

/// The price of an order.
#[extension_point]
pub static PRICE: FilterPoint<u64> = FilterPoint::new("shop.price");

#[plugin]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Hello {
    #[filter(PRICE, deadline = "1s")]
    fn round(&self, _: &mut u64) {}
}

fn main() {}
