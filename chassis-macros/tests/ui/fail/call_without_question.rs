//! A handler that does not take the question.

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
    async fn charge(&self) -> Option<String> {
        None
    }
}

fn main() {}
