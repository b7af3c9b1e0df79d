//! A name that is not in kebab case.

use chassis::prelude::*;

#[plugin(name = "Hello_World")]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
