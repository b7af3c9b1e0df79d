//! Only `with` may be given again.

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
    #[get("/hello", deadline = "1s", with = 7, with = "x", deadline = "2s")]
    async fn hello(&self) {}
}

fn main() {}
