//! A group whose path is taken.

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
    #[health(group = ["storage", "ready"])]
    async fn database(&self) -> Health {
        Health::up()
    }
}

fn main() {}
