//! A static that is no point.

use chassis::prelude::*;

#[extension_point]
pub static PRICE: u64 = 3;

fn main() {}
