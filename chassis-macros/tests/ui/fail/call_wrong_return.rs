//! A handler that always has an answer still says `Some`.

use chassis::prelude::*;

#[extension_point]
pub static CHARGE: CallPoint<u64, String> = CallPoint::new("shop.charge");

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
    #[call(CHARGE)]
    async fn charge(&self, _: &u64) -> String {
        String::new()
    }
}

fn main() {}
