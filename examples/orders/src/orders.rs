//! The plugin that places, shows and cancels orders: a struct, because it holds something.

use crate::{
    catalog::Catalog,
    order::{INVALID, NOT_CANCELLABLE, Order, State, UNKNOWN},
    points::{ORDER_PLACED, PRICE, Price},
    request::NewOrder,
    store::Store,
};
use chassis::{
    axum::http::{HeaderName, header},
    prelude::*,
};
use chassis_custom_metrics::{CustomMetric, DeclareMetrics as _};
use schemars::JsonSchema;
use serde::Deserialize;

/// Places, shows and cancels orders.
#[plugin(requires = ["catalog"])]
#[derive(Debug)]
pub struct Orders {
    catalog: Arc<Catalog>,
    store: Arc<Store>,
}

impl Plugin for Orders {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        // What this one gives to those that require it: see `payments`.
        let store = cx.export(Store::default());
        let kept = Arc::clone(&store);
        // Asked every `collection_interval` of `custom-metrics`.
        let kept = CustomMetric::gauge("orders.kept", "Orders that are kept in memory.")
            .polled(move || u32::try_from(kept.count()).map_or(f64::INFINITY, f64::from));
        cx.custom_metric(kept)?;
        // Taken from what the clients are answered.
        let totals = CustomMetric::histogram("orders.placed.cents", "What orders cost.")
            .from_answers(["POST /orders"])
            .status("201")
            .value("/total_cents")
            .buckets([500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0, 50_000.0]);
        cx.custom_metric(totals)?;
        Ok(Self {
            // What another plugin gives; that one has to stand in `requires`.
            catalog: cx.require::<Catalog>()?,
            store,
        })
    }
}

/// How many orders a demonstration should have at most.
const MANY: usize = 100_000;

/// What `GET /orders` can be asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only orders in this state.
    state: Option<State>,
}

/// A new order, and where it is.
type Placed = (StatusCode, [(HeaderName, String); 1], Json<Order>);

// What these comments and types say is what `GET /openapi.json` tells.
#[contributes]
impl Orders {
    /// Places an order, at the price of the shop.
    #[post("/orders", scopes = ["orders:write"], with = RouteDocs::new().status(201).fails(INVALID))]
    async fn place(&self, scope: Scope, Json(new): Json<NewOrder>) -> Result<Placed> {
        let items = new.check(&self.catalog)?;
        let full_cents = items.iter().map(|item| item.total_cents()).sum();
        let price = Price {
            customer: new.customer,
            items,
            total_cents: full_cents,
        };
        let price = PRICE.apply(&scope, price).await?;
        let order = self.store.add(price);
        // Whoever is told can fail; that is logged, and the order stands.
        ORDER_PLACED.run(&scope, &order).await;
        let location = format!("/orders/{}", order.id);
        Ok((
            StatusCode::CREATED,
            [(header::LOCATION, location)],
            Json(order),
        ))
    }

    /// Lists orders.
    #[get("/orders", scopes = ["orders:read"])]
    async fn list(&self, Query(filter): Query<Filter>) -> Json<Vec<Order>> {
        Json(
            self.store
                .list(|order| filter.state.is_none_or(|state| order.state == state)),
        )
    }

    /// Shows an order.
    #[get("/orders/{id}", scopes = ["orders:read"], with = RouteDocs::new().fails(UNKNOWN))]
    async fn show(&self, Path(id): Path<u64>) -> Result<Json<Order>> {
        self.store.find(id).map(Json)
    }

    /// Cancels an order that is not paid.
    #[post("/orders/{id}/cancel", scopes = ["orders:write"], with = RouteDocs::new().fails(UNKNOWN).fails(NOT_CANCELLABLE))]
    async fn cancel(&self, Path(id): Path<u64>) -> Result<Json<Order>> {
        self.store
            .change_placed(id, State::Cancelled, NOT_CANCELLABLE)
            .map(Json)
    }

    /// Asked in the background; `GET /health` and `/plugins/orders/health` tell the last answer.
    #[health(interval = "30s")]
    async fn store(&self) -> Health {
        let kept = self.store.count();
        let health = match kept {
            0..MANY => Health::up(),
            _ => Health::degraded("the orders are kept in memory, and there are many"),
        };
        health.with("orders", kept)
    }
}
