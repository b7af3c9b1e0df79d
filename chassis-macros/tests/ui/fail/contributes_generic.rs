//! A generic block.

use chassis::prelude::*;

struct Store<T>(T);

#[contributes]
impl<T> Store<T> {
    #[get("/hello")]
    async fn hello(&self) {}
}

fn main() {}
