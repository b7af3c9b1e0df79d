//! An event that is taken as a value: others are told of it, too.

use chassis::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct OrderPlaced;

#[plugin]
struct Hello;

impl Plugin for Hello {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Hello {
    #[on("order.placed")]
    async fn thank(&self, order: OrderPlaced) {
        _ = order;
    }
}

fn main() {}
