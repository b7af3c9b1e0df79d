//! An enum.

use chassis::prelude::*;

#[plugin]
enum Hello {
    There,
}

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self::There)
    }
}

fn main() {}
