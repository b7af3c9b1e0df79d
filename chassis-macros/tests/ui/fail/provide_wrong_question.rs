//! A question that the point does not ask.

use chassis::prelude::*;

#[extension_point]
pub static WIDGETS: ProviderPoint<String> = ProviderPoint::new("shop.widgets");

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
    #[provide(WIDGETS)]
    async fn clock(&self, _: &u64) -> Result<String> {
        Ok(String::new())
    }
}

fn main() {}
