//! A function plugin that returns no result.

use chassis::prelude::*;

#[plugin]
async fn hello(_: &mut PluginContext) -> u32 {
    3
}

fn main() {}
