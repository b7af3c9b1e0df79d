//! A version of two numbers.

use chassis::prelude::*;

#[plugin(version = "1.2")]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
