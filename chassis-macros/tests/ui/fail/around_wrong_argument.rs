//! An around that takes something else.

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
    #[around]
    async fn timed(&self, _: &mut Exchange, _: Next<'_>) -> Response {
        Response::default()
    }
}

fn main() {}
