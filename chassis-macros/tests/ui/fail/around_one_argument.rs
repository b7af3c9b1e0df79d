//! An around that does not take what is inside.

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
    async fn timed(&self, _: Request) -> Response {
        Response::default()
    }
}

fn main() {}
