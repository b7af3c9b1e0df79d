//! The body can be taken once, last.

use chassis::prelude::*;

#[plugin]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Hello {
    #[post("/hello")]
    async fn hello(&self, _: Json<String>, Path(_): Path<String>) {}
}

fn main() {}
