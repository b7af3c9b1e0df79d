//! A function plugin whose result is not of `()`.

use chassis::prelude::*;

#[plugin]
async fn hello(_: &mut PluginContext) -> Result<u32> {
    Ok(3)
}

fn main() {}
