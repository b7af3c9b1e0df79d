//! A capability with a range instead of a version.

use chassis::prelude::*;

#[plugin(provides = ["cache ^1.3"])]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
