//! What is attached to a route must be `Clone`.

use chassis::prelude::*;

struct Scopes(&'static str);

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
    #[get("/hello", with = Scopes("read"))]
    async fn hello(&self) {}
}

fn main() {}
