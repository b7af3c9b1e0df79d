//! One route, two methods.

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
    #[get("/users/{id}")]
    async fn by_id(&self, Path(_): Path<u64>) {}

    #[get("/users/{name}")]
    async fn by_name(&self, Path(_): Path<String>) {}
}

fn main() {}
