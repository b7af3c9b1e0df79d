//! A collector that wants to be told something.

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
    async fn depth(&self, _: &u64) -> Vec<MetricSample> {
        Vec::new()
    }
}

fn main() {}
