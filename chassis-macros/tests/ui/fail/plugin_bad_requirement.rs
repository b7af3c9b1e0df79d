//! A requirement that Cargo would not take.

use chassis::prelude::*;

#[plugin(requires = ["orders", "cache >1.x.3"])]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
