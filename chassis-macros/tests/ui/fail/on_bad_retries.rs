//! Fewer retries than none.

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
    #[on("order.placed", retries = -1)]
    async fn thank(&self, order: Arc<OrderPlaced>) {
        _ = order;
    }
}

fn main() {}
