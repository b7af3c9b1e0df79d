//! A function plugin that takes something else than its context.

use chassis::prelude::*;

#[plugin]
async fn hello(_: &mut String) -> Result<()> {
    Ok(())
}

fn main() {}
