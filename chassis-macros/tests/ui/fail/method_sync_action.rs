//! A sync action.

use chassis::prelude::*;

#[extension_point]
pub static TOLD: ActionPoint<u32> = ActionPoint::new("shop.told");

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
    #[action(TOLD)]
    fn told(&self, _: &u32) {}
}

fn main() {}
