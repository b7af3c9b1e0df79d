//! A plugin whose settings have every kind of constraint.

use chassis::{Secret, Violations, axum::Json, prelude::*, units};
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// Knows what there is to sell.
#[plugin]
pub(crate) struct Stock;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StockConfig {
    /// A choice.
    order: Order,
    /// A whole number with a range.
    #[schemars(range(min = 1, max = 100))]
    shelves: u8,
    /// Another, which has to be the greater one: what `validate` is for.
    spare_shelves: u8,
    /// A yes or no.
    open: bool,
    /// A text with a pattern.
    #[schemars(regex(pattern = "^[A-Z]{2}-[0-9]+$"))]
    prefix: String,
    /// A time.
    #[serde(with = "units::Time")]
    keep: Duration,
    /// A size.
    #[serde(with = "units::Size")]
    cache: usize,
    /// A version.
    #[schemars(with = "String")]
    catalog: Option<Version>,
    /// A secret.
    token: Option<Secret>,
    /// Maps in maps.
    warehouse: Warehouse,
    /// A list of maps.
    suppliers: Vec<Supplier>,
    /// A map with keys of the reader's choice.
    prices: BTreeMap<String, u32>,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Newest,
    Oldest,
    Nearest,
}

/// The first map.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Warehouse {
    /// What it is called.
    name: String,
    /// The way in.
    door: Door,
}

/// The second.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Door {
    /// Where it is.
    side: String,
    /// What keeps it shut.
    lock: Lock,
}

/// The third.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Lock {
    /// How many digits.
    digits: u8,
    /// Opens it.
    combination: Secret<u32>,
}

/// One of a list.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Supplier {
    /// What it is called.
    name: String,
    /// How long it takes.
    #[serde(default, with = "units::Time")]
    delivers_in: Duration,
}

impl Default for StockConfig {
    fn default() -> Self {
        Self {
            order: Order::default(),
            shelves: 10,
            spare_shelves: 0,
            open: true,
            prefix: "AB-1".to_owned(),
            keep: Duration::from_secs(60),
            cache: 1 << 20,
            catalog: None,
            token: None,
            warehouse: Warehouse::default(),
            suppliers: Vec::new(),
            prices: BTreeMap::new(),
        }
    }
}

impl Plugin for Stock {
    type Config = StockConfig;

    fn validate(config: &StockConfig, violations: &mut Violations) {
        if config.spare_shelves > config.shelves {
            violations
                .refuse("spare_shelves", "there are more of them than shelves")
                .with_help("write `shelves` or fewer");
        }
    }

    async fn init(config: StockConfig, cx: &mut PluginContext) -> Result<Self> {
        let config = Arc::new(config);
        cx.get("/stock", async move || Json(Arc::clone(&config)));
        Ok(Self)
    }
}
