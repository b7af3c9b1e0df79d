//! A health check that takes something.

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
    #[health]
    async fn database(&self, exchange: &Exchange) -> Health {
        Health::up()
    }
}

fn main() {}
