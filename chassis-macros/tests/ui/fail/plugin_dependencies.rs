//! What other frameworks call dependencies.

use chassis::prelude::*;

#[plugin(dependencies = ["orders"])]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
