//! `#[plugin]` without `impl Plugin`.

use chassis::prelude::*;

#[plugin]
struct Hello;

fn main() {}
