//! No failure at all.

use chassis::prelude::*;

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
    #[health(failures = 0)]
    async fn database(&self) -> Health {
        Health::up()
    }
}

fn main() {}
