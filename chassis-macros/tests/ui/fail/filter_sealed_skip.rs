//! Admission that would fail open.

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
    #[filter(points::ADMIT, on_failure = "skip")]
    fn check(&self, _: &mut points::Candidate) {}
}

fn main() {}
