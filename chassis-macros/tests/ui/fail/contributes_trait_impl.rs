//! The impl block of a trait.

use chassis::prelude::*;

trait Greets {
    async fn hello(&self);
}

#[plugin]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Greets for Hello {
    #[get("/hello")]
    async fn hello(&self) {}
}

fn main() {}
