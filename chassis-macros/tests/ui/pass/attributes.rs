//! Every attribute of methods, with every key.

#![deny(warnings)]

use chassis::prelude::*;
use serde_json::Value;

/// The price of an order.
#[extension_point]
pub static PRICE: FilterPoint<u64> = FilterPoint::new("shop.price");

/// An order was cancelled.
#[extension_point]
pub static CANCELLED: ActionPoint<u64> = ActionPoint::new("shop.cancelled");

/// What the start page shows.
#[extension_point]
pub static WIDGETS: ProviderPoint<String> = ProviderPoint::new("shop.widgets");

/// What a page shows.
#[extension_point]
pub static PARTS: ProviderPoint<String, u64> = ProviderPoint::new("shop.parts");

/// Charges a card.
#[extension_point]
pub static CHARGE: CallPoint<u64, String> = CallPoint::new("shop.charge");

#[plugin]
struct Shop {
    name: Arc<str>,
}

impl Plugin for Shop {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self { name: "shop".into() })
    }
}

#[contributes]
impl Shop {
    #[get("/")]
    async fn index(&self) -> String {
        self.name.to_string()
    }

    #[get("/orders/{id}", deadline = "250ms")]
    async fn order(&self, Path(id): Path<u64>) -> Result<Json<u64>, StatusCode> {
        Ok(Json(id))
    }

    #[post("/orders/{id}")]
    #[put("/orders/{id}", deadline = "2h")]
    async fn place(
        self: &Arc<Self>,
        Path(id): Path<u64>,
        method: axum::http::Method,
        Json(order): Json<u64>,
    ) -> impl IntoResponse {
        format!("{method} {id} {order} {}", self.name)
    }

    #[patch("/any/{*rest}")]
    #[delete("/any/{*rest}")]
    #[options("/any/{*rest}")]
    #[head("/any/{*rest}")]
    async fn any(&self, request: Request) -> Response {
        request.method().to_string().into_response()
    }

    #[filter(points::PRE_REQUEST, priority = -10, after = "auth", before = ["log", "audit"], requires = "auth",
        on_failure = "skip", routes = "/orders/**", body = buffered("1MiB"))]
    fn stamp(&self, exchange: &mut Exchange) -> Flow {
        let _ = exchange;
        if self.name.is_empty() { Flow::respond(StatusCode::NOT_FOUND) } else { Flow::Continue }
    }

    #[filter(points::PRE_REQUEST, deadline = "30s")]
    async fn slow(self: &Arc<Self>, _exchange: &mut Exchange) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    #[filter(points::ADMIT)]
    async fn check(&self, _: &mut points::Candidate) {}

    #[filter(PRICE)]
    fn discount(&self, price: &mut u64) {
        *price -= 1;
    }

    #[filter(PRICE)]
    async fn taxes(&self, price: &mut u64) -> Result<()> {
        *price += 1;
        Ok(())
    }

    #[filter("shop.price", priority = 5)]
    fn named(&self, _: &mut Value) {}

    #[filter("shop.price")]
    async fn named_async(&self, _: &mut Value) -> Result<()> {
        Ok(())
    }

    fn helper(&self) -> usize {
        self.name.len()
    }

    const LIMIT: usize = 3;
}

/// There may be several blocks.
#[contributes]
impl Shop {
    #[action(CANCELLED, priority = 1, deadline = "5m")]
    async fn refund(&self, order: &u64) -> Result<()> {
        let _ = (order, self.helper(), Self::LIMIT);
        Ok(())
    }

    #[action("shop.other")]
    async fn other(&self, _: &Value) {}

    #[provide(WIDGETS)]
    async fn clock(&self) -> Result<String> {
        Ok("12:00".into())
    }

    #[provide(PARTS, after = ["clock"])]
    async fn part(&self, page: &u64) -> Result<String> {
        Ok(page.to_string())
    }

    #[provide("shop.named")]
    async fn named_part(&self, question: &Value) -> Result<Value> {
        Ok(question.clone())
    }

    #[call(CHARGE, deadline = "2s")]
    async fn charge(&self, card: &u64) -> Result<Option<String>> {
        Ok(Some(card.to_string()))
    }

    #[call(CHARGE)]
    async fn plain(&self, _: &u64) -> Option<String> {
        None
    }

    #[call("shop.named-call")]
    async fn named_call(&self, _: &Value) -> Option<Value> {
        None
    }

    #[around(priority = 3, routes = "/orders/**", before = "log")]
    async fn timed(&self, request: Request, next: Next<'_>) -> Response {
        next.run(request).await
    }

    #[health]
    async fn database(&self) -> Health {
        Health::up()
    }

    #[health(name = "cache-2", interval = "30s", deadline = "250ms", failures = 2, successes = 1, critical, liveness = false,
        group = "storage")]
    async fn cache(self: &Arc<Self>) -> std::io::Result<()> {
        Ok(())
    }

    #[health(group = ["storage", "memory"])]
    async fn memory(&self) -> Result<Health> {
        Ok(Health::degraded("low"))
    }

    #[around]
    async fn bare(self: &Arc<Self>, request: Request, next: Next<'_>) -> impl IntoResponse {
        (StatusCode::OK, next.run(request).await)
    }
}

fn main() {}
