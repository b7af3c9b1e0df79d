//! A rest as axum 0.7 wrote it.

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
    #[get("/files/*rest")]
    async fn file(&self, Path(_): Path<String>) {}
}

fn main() {}
