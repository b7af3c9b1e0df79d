//! A priority that does not fit an `i32`.

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
    #[filter(PRICE, priority = 3_000_000_000)]
    fn round(&self, _: &mut u64) {}
}

fn main() {}
