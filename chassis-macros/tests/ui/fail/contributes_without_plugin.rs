//! A block on a type that is no plugin.

use chassis::prelude::*;

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
    async fn hello(&self) -> String {
        String::new()
    }
}

fn main() {}
