//! An argument that can't be taken from a request.

use chassis::prelude::*;

struct Answer;

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
    #[get("/hello")]
    async fn hello(&self, _: Answer) {}
}

fn main() {}
