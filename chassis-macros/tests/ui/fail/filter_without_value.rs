//! A filter that takes nothing.

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
    #[filter(PRICE)]
    fn round(&self) {}
}

fn main() {}
