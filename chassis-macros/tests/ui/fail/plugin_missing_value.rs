//! A key without its value.

use chassis::prelude::*;

#[plugin(name)]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
