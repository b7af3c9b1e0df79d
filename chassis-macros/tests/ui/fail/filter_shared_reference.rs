//! A shared reference in an async filter.

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
    #[filter(points::PRE_REQUEST)]
    async fn stamp(&self, _: &Exchange) {}
}

fn main() {}
