//! Only routes have something attached to them.

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
    #[filter(points::PRE_REQUEST, with = 7)]
    fn stamp(&self, _: &mut Exchange) {}
}

fn main() {}
