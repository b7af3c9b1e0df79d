//! A type whose name in kebab case is reserved.

use chassis::prelude::*;

#[plugin]
struct Health;

impl Plugin for Health {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
