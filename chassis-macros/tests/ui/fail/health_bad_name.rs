//! A name that can't stand in a path.

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
    #[health(name = "my database")]
    async fn database(&self) -> Health {
        Health::up()
    }
}

fn main() {}
