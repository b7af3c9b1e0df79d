//! Config and context in the wrong order.

use chassis::prelude::*;

#[plugin]
async fn hello(_: &mut PluginContext, _: NoConfig) -> Result<()> {
    Ok(())
}

fn main() {}
