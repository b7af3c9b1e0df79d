//! A function plugin that takes more than it gets.

use chassis::prelude::*;

#[plugin]
async fn hello(_: NoConfig, _: &mut PluginContext, _: u32) -> Result<()> {
    Ok(())
}

fn main() {}
