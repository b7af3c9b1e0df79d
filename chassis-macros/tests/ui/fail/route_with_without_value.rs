//! `with`, and nothing to attach.

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
    #[get("/hello", with)]
    async fn hello(&self) {}
}

fn main() {}
