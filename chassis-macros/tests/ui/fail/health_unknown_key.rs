//! A key that a health check does not have.

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
    #[health(every = "30s")]
    async fn database(&self) -> Health {
        Health::up()
    }
}

fn main() {}
