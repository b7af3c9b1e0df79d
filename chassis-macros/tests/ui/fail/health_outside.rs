//! A health check outside of a `#[contributes]` block.

use chassis::prelude::*;

#[health]
async fn database() {}

fn main() {}
