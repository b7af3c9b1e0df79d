//! A key that `#[contributes]` does not have.

use chassis::prelude::*;

#[plugin]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes(path = "/")]
impl Hello {
    #[get("/hello")]
    async fn hello(&self) {}
}

fn main() {}
