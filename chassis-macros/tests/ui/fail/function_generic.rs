//! A generic function.

use chassis::prelude::*;

#[plugin]
async fn hello<T>(_: &mut PluginContext) -> Result<()> {
    Ok(())
}

fn main() {}
