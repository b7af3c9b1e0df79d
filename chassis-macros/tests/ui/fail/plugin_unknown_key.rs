//! A key that `#[plugin]` does not have.

use chassis::prelude::*;

#[plugin(description = "greets")]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
