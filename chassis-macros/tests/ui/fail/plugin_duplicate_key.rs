//! A key given twice.

use chassis::prelude::*;

#[plugin(name = "hello", name = "greeter")]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
