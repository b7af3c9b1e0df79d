//! A generic struct: there would be one plugin for each type.

use chassis::prelude::*;

#[plugin]
struct Store<T> {
    inner: T,
}

impl<T: Send + Sync + 'static> Plugin for Store<T> {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Err(std::fmt::Error)?
    }
}

fn main() {}
