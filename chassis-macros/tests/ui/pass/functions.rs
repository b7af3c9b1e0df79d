//! Function plugins, with and without config; several in one module.

#![deny(warnings, missing_docs, unreachable_pub)]

use chassis::{__private::LinkedPlugin, prelude::*};

/// Thanks people for their orders.
#[plugin(requires = ["orders"])]
async fn thanks(cx: &mut PluginContext) -> Result<()> {
    let _ = cx;
    Ok(())
}

/// Settings.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Config {
    name: String,
}

#[plugin]
async fn rate_limit(Config { name }: Config, _cx: &mut PluginContext) -> Result<()> {
    drop(name);
    Ok(())
}

#[plugin]
async fn nothing(_: &mut PluginContext) {}

/// In a module, visible outside.
mod nested {
    use super::{PluginContext, plugin};

    /// Fails with an error that is not chassis's.
    #[plugin(name = "other")]
    pub(crate) async fn fails(_: &mut PluginContext) -> std::result::Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }
}

/// A function plugin is a type of the same name.
fn name<P: LinkedPlugin>() -> &'static str {
    P::INFO.name
}

fn main() {
    assert_eq!(name::<thanks>(), "thanks");
    assert_eq!(name::<rate_limit>(), "rate-limit");
    assert_eq!(name::<nothing>(), "nothing");
    assert_eq!(name::<nested::fails>(), "other");
}
