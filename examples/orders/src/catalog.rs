//! The plugin that knows what there is to buy, and gives that knowledge to others.

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Knows products and their prices.
#[plugin]
async fn catalog(config: CatalogConfig, cx: &mut PluginContext) -> Result<()> {
    cx.export(Catalog {
        prices: config.products,
    });
    cx.get("/products", async |catalog: Shared<Catalog>| {
        Json(catalog.prices.clone())
    })
    // All else is for callers who are known: see `chassis-jwt-authentication`.
    .public()
    .with(
        RouteDocs::new()
            .summary("What there is to buy")
            .answer::<BTreeMap<String, u32>>(200, "Prices in cents, by product."),
    );
    Ok(())
}

/// What can be set under `plugins.catalog.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogConfig {
    /// The price of each product, in cents; without any there is nothing to buy.
    #[schemars(extend("minProperties" = 1))]
    pub products: BTreeMap<String, u32>,
}

impl Default for CatalogConfig {
    fn default() -> Self {
        let products = [("kettle", 3_900), ("mug", 1_200), ("tea", 450)];
        Self {
            products: products
                .map(|(name, cents)| (name.to_owned(), cents))
                .into(),
        }
    }
}

/// What there is to buy.
#[derive(Debug)]
pub struct Catalog {
    prices: BTreeMap<String, u32>,
}

impl Catalog {
    /// The price of a product, in cents.
    pub fn price_cents(&self, product: &str) -> Option<u32> {
        self.prices.get(product).copied()
    }

    /// The names of all products, sorted.
    pub fn products(&self) -> impl Iterator<Item = &str> {
        self.prices.keys().map(|name| &**name)
    }
}
