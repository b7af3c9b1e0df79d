//! An argument before the last that can't be taken from the head.

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
    async fn hello(&self, _: Answer, _: Request) {}
}

fn main() {}
