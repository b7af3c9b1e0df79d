//! Something that can't be there twice, and has no name.

use chassis::prelude::*;

#[plugin(exclusive = ["port 9000", " "])]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
