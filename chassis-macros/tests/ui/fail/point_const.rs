//! A constant.

use chassis::prelude::*;

#[extension_point]
pub const PRICE: FilterPoint<u64> = FilterPoint::new("shop.price");

fn main() {}
