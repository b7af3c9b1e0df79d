//! A name that means something else under `/plugins/`; the block is not a second mistake.

use chassis::prelude::*;

#[plugin(name = "health")]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Hello {
    #[get("/hello")]
    async fn hello(&self) {}
}

fn main() {}
