//! The crate under another path.

#![deny(warnings)]

mod my {
    pub(crate) use chassis as framework;
}

use my::framework::{FilterPoint, NoConfig, Plugin, PluginContext, Result};

#[my::framework::extension_point(crate = my::framework)]
pub static PRICE: FilterPoint<u64> = FilterPoint::new("shop.price");

#[my::framework::plugin(crate = my::framework)]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[my::framework::contributes(crate = my::framework)]
impl Hello {
    #[get("/hello")]
    async fn hello(&self) {}

    #[my::framework::filter(PRICE)]
    fn price(&self, _: &mut u64) {}
}

#[my::framework::plugin(crate = crate::my::framework)]
async fn thanks(_: &mut PluginContext) -> Result<()> {
    Ok(())
}

fn main() {}
