//! Order does not depend on versions.

use chassis::prelude::*;

#[plugin(after = ["orders ^1"])]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
