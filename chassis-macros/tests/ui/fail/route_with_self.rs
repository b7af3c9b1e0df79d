//! The plugin is not there where a value is attached.

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
    #[get("/hello", with = self.limit)]
    async fn hello(&self) {}
}

fn main() {}
