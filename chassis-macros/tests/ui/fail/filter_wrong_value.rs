//! A filter of another value than the point's.

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
    fn round(&self, _: &mut String) {}
}

fn main() {}
