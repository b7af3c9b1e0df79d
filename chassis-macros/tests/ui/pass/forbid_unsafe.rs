//! Everything in a crate that forbids unsafe code.

#![forbid(unsafe_code)]
#![deny(warnings)]

use chassis::prelude::*;

/// The price of an order.
///
/// In cents.
#[extension_point]
pub static PRICE: FilterPoint<u64> = FilterPoint::new("shop.price");

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
    #[filter(PRICE)]
    fn round(&self, _: &mut u64) {}
}

fn main() {
    let points = chassis::__private::POINTS;
    let point = points.iter().find(|point| point.file.ends_with("forbid_unsafe.rs"));
    let point = point.map(|point| (point.description, point.krate, point.line));
    assert_eq!(point, Some(("The price of an order.\n\nIn cents.", env!("CARGO_PKG_NAME"), 12)));
}
