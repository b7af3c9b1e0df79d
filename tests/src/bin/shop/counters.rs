//! Two plugins that answer at the paths they are told to, which may be the same; and one that has to be told something.

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Answers with what is in the cart.
#[plugin]
pub(crate) struct Cart;

/// Takes the money.
#[plugin]
pub(crate) struct Checkout;

/// Allows the shop to open.
#[plugin]
pub(crate) struct Licence;

/// Where to answer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CartConfig {
    /// The path.
    #[serde(default = "cart")]
    path: String,
}

/// Where to answer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckoutConfig {
    /// The path.
    #[serde(default = "checkout")]
    path: String,
}

/// What nobody can guess.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LicenceConfig {
    /// Its number.
    number: u32,
}

fn cart() -> String {
    "/cart".to_owned()
}

fn checkout() -> String {
    "/checkout".to_owned()
}

impl Plugin for Cart {
    type Config = CartConfig;

    async fn init(config: CartConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.get(&config.path, async || "nothing yet");
        Ok(Self)
    }
}

impl Plugin for Checkout {
    type Config = CheckoutConfig;

    async fn init(config: CheckoutConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.get(&config.path, async || "thank you");
        Ok(Self)
    }
}

impl Plugin for Licence {
    type Config = LicenceConfig;

    async fn init(config: LicenceConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.get("/licence", async move || config.number.to_string());
        Ok(Self)
    }
}
