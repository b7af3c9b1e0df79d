//! Several mistakes in one item are all reported.

use chassis::prelude::*;

#[plugin(nam = "hello", version = "1", required = 3)]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Hello {
    #[get("hello", deadline = "30")]
    async fn hello(&mut self) {}

    #[filter(PRICE, priority = "first")]
    fn price(_: &mut u64) {}
}

fn main() {}
