//! A function plugin that takes nothing.

use chassis::prelude::*;

#[plugin]
async fn hello() -> Result<()> {
    Ok(())
}

fn main() {}
