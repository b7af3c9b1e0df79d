//! A collector that returns a number.

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
    #[metrics]
    async fn depth(&self) -> f64 {
        1.0
    }
}

fn main() {}
