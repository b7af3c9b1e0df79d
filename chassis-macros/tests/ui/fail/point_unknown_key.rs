//! A key that `#[extension_point]` does not have.

use chassis::prelude::*;

#[extension_point(name = "shop.price")]
pub static PRICE: FilterPoint<u64> = FilterPoint::new("shop.price");

fn main() {}
