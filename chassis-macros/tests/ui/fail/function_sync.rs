//! A function plugin that is not async.

use chassis::prelude::*;

#[plugin]
fn hello(_: &mut PluginContext) -> Result<()> {
    Ok(())
}

fn main() {}
