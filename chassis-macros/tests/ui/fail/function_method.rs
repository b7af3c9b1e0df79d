//! `#[plugin]` on a method.

use chassis::prelude::*;

struct Hello;

impl Hello {
    #[plugin]
    async fn hello(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
