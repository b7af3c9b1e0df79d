//! `#[filter]` on a free function.

use chassis::prelude::*;

#[filter(points::PRE_REQUEST)]
async fn stamp(_: &mut Exchange) {}

fn main() {}
