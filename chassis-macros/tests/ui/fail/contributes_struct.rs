//! A struct instead of its impl block.

use chassis::prelude::*;

#[contributes]
struct Hello;

fn main() {}
