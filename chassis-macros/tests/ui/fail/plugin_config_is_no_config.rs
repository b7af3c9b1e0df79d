//! A config without a schema.

use chassis::prelude::*;

#[derive(serde::Deserialize)]
struct Config {}

#[plugin]
async fn hello(_: Config, _: &mut PluginContext) -> Result<()> {
    Ok(())
}

fn main() {}
