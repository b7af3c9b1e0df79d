//! A trait.

use chassis::prelude::*;

#[plugin]
trait Hello {}

fn main() {}
