//! A method that is not there is not wired.

#![deny(warnings)]

use chassis::prelude::*;

#[cfg(any())]
#[extension_point]
pub static RELEASE: FilterPoint<NotThere> = FilterPoint::new("shop.release");


#[plugin]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Hello {
    #[cfg(any())]
    #[get("/hello")]
    async fn hello(&self, _: NotThere) -> NotThere {}

    #[cfg(all())]
    #[get("/hello")]
    async fn hello(&self) {}
}

/// Nothing in it is there.
#[contributes]
impl Hello {
    #[cfg(any())]
    #[filter(NOT_THERE)]
    fn filter(&self, _: &mut NotThere) {}
}

fn main() {}
