//! A function plugin that holds an `Rc` across an await.

use chassis::prelude::*;

use std::rc::Rc;

#[plugin]
async fn hello(_: &mut PluginContext) -> Result<()> {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    drop(shared);
    Ok(())
}

fn main() {}
