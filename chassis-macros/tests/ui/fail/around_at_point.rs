//! An around stands at no point.

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
    #[around(points::PRE_REQUEST)]
    async fn timed(&self, request: Request, next: Next<'_>) -> Response {
        next.run(request).await
    }
}

fn main() {}
