//! The service, seen from outside, with every plugin that it links.

use chassis::{
    Body, PluginState,
    axum::http::{HeaderValue, Method, Request, header},
    testing::{TestBuilder, TestChassis, TestResponse, json as json_request},
};
use orders as _;
use serde_json::{Value, json};
use std::{ops::Deref, time::Duration};

#[path = "service/access.rs"]
mod access;

const SECRET: &str = "a secret of 32 bytes or more, for tests alone";

/// `{"sub":"ada","scope":"orders:read orders:write","exp":32503680000}`, signed with it.
const ADA: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEiLCJzY29wZSI6Im9yZGVyczpyZWFkIG9yZGVyczp3cml0ZSIsImV4cCI6MzI1MDM2ODAwMDB9.NHaATict78lxWXFswwVLnlq7cUdMYQHBdMdhcXaN20U";

/// The service, as Ada uses it.
struct Shop(TestChassis);

impl Deref for Shop {
    type Target = TestChassis;

    fn deref(&self) -> &TestChassis {
        &self.0
    }
}

impl Shop {
    async fn send(&self, mut request: Request<Body>) -> TestResponse {
        let bearer = HeaderValue::try_from(format!("Bearer {ADA}")).expect("it is a value");
        let headers = request.headers_mut();
        headers.entry(header::AUTHORIZATION).or_insert(bearer);
        self.0.send(request).await
    }

    async fn request(&self, method: Method, path: &str) -> TestResponse {
        let request = Request::builder().method(method).uri(path);
        self.send(request.body(Body::empty()).expect("a request"))
            .await
    }

    async fn get(&self, path: &str) -> TestResponse {
        self.request(Method::GET, path).await
    }

    async fn post(&self, path: &str, body: &impl serde::Serialize) -> TestResponse {
        self.send(json_request(Method::POST, path, body)).await
    }
}

async fn start() -> Shop {
    start_with(linked()).await
}

/// With a secret of its own: the tokens above are signed with it.
fn linked() -> TestBuilder {
    TestChassis::linked()
        .set("plugins.signing-key.enabled", false)
        .set("plugins.jwt-authentication.config.jwt_secret", SECRET)
}

async fn start_with(builder: TestBuilder) -> Shop {
    Shop(builder.start().await.expect("the service starts"))
}

async fn order(app: &Shop, product: &str, quantity: u32) -> TestResponse {
    let items = json!([{"product": product, "quantity": quantity}]);
    app.post("/orders", &json!({"customer": "Ada", "items": items}))
        .await
}

async fn post(app: &Shop, path: &str) -> TestResponse {
    app.request(Method::POST, path).await
}

fn code(answer: &TestResponse) -> String {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    answer.json::<Value>()["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn the_document_tells_what_is_sent_and_what_comes_back() {
    let app = start().await;
    let document: Value = app.get("/openapi.json").await.json();
    let place = &document["paths"]["/orders"]["post"];
    assert_eq!(
        place["summary"],
        "Places an order, at the price of the shop."
    );
    let schema = |of: &Value| {
        let reference = of["content"]["application/json"]["schema"]["$ref"].as_str();
        let pointer = reference.unwrap_or_default().trim_start_matches('#');
        document.pointer(pointer).cloned().unwrap_or_default()
    };
    let sent = schema(&place["requestBody"]);
    assert_eq!(sent["required"], json!(["customer", "items"]));
    let placed = &place["responses"]["201"];
    assert_eq!(schema(placed)["properties"]["id"]["type"], "integer");
    assert!(place["responses"]["422"].is_object());
    let pay = &document["paths"]["/orders/{id}/pay"]["post"];
    assert_eq!(pay["parameters"][0]["schema"]["type"], "integer");
    assert_eq!(schema(&pay["responses"]["200"]), schema(placed));
    // Who may, and what is answered to others: the plugins say so.
    let scheme = &document["components"]["securitySchemes"]["bearer"];
    assert_eq!(scheme["bearerFormat"], "JWT");
    assert_eq!(place["security"], json!([{"bearer": ["orders:write"]}]));
    for status in ["401", "403", "429", "503"] {
        assert!(place["responses"][status].is_object(), "{status}");
    }
    let products = &document["paths"]["/products"]["get"];
    assert!(products["security"].is_null() && products["responses"]["401"].is_null());
}

#[tokio::test]
async fn an_order_is_placed_and_found() {
    let app = start().await;
    let placed = order(&app, "tea", 2).await;
    assert_eq!(placed.status(), 201);
    assert_eq!(placed.header("location"), Some("/orders/1"));
    let expected = json!({
        "id": 1, "state": "placed", "customer": "Ada", "total_cents": 900,
        "items": [{"product": "tea", "quantity": 2, "price_cents": 450}],
    });
    assert_eq!(placed.json::<Value>(), expected);
    assert_eq!(app.get("/orders/1").await.json::<Value>(), expected);
}

#[tokio::test]
async fn orders_are_listed_by_state() {
    let app = start().await;
    for _ in 0..3 {
        order(&app, "mug", 1).await;
    }
    post(&app, "/orders/2/pay").await;
    let ids = async |path: &str| -> Vec<u64> {
        let orders: Vec<Value> = app.get(path).await.json();
        orders
            .iter()
            .filter_map(|order| order["id"].as_u64())
            .collect()
    };
    assert_eq!(ids("/orders").await, [1, 2, 3]);
    assert_eq!(ids("/orders?state=placed").await, [1, 3]);
    assert_eq!(ids("/orders?state=paid").await, [2]);
    assert_eq!(
        code(&app.get("/orders?state=lost").await),
        "http.bad_request"
    );
    assert_eq!(
        code(&app.get("/orders?stat=paid").await),
        "http.bad_request"
    );
}

#[tokio::test]
async fn an_order_is_paid_once() {
    let app = start().await;
    order(&app, "tea", 1).await;
    let paid = post(&app, "/orders/1/pay").await;
    assert_eq!(
        (paid.status().as_u16(), &paid.json::<Value>()["state"]),
        (200, &json!("paid"))
    );
    let again = post(&app, "/orders/1/pay").await;
    assert_eq!(again.status(), 409);
    assert_eq!(code(&again), "orders.not_payable");
    assert_eq!(again.json::<Value>()["detail"], "order 1 is paid");
}

#[tokio::test]
async fn a_paid_order_is_not_cancelled_and_a_cancelled_one_not_paid() {
    let app = start().await;
    order(&app, "tea", 1).await;
    order(&app, "tea", 1).await;
    post(&app, "/orders/1/pay").await;
    assert_eq!(
        code(&post(&app, "/orders/1/cancel").await),
        "orders.not_cancellable"
    );
    let cancelled = post(&app, "/orders/2/cancel").await;
    assert_eq!(cancelled.json::<Value>()["state"], "cancelled");
    assert_eq!(
        code(&post(&app, "/orders/2/pay").await),
        "orders.not_payable"
    );
}

#[tokio::test]
async fn an_unknown_order_is_a_404_with_a_code_of_its_own() {
    let app = start().await;
    for answer in [
        app.get("/orders/7").await,
        post(&app, "/orders/7/pay").await,
        post(&app, "/orders/7/cancel").await,
    ] {
        assert_eq!(answer.status(), 404);
        assert_eq!(code(&answer), "orders.unknown");
    }
    assert_eq!(code(&app.get("/orders/seven").await), "http.bad_request");
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_each_with_its_field() {
    let app = start().await;
    let items = json!([{"product": "tea", "quantity": 0}, {"product": "coffee", "quantity": 101}]);
    let answer = app
        .post("/orders", &json!({"customer": " ", "items": items}))
        .await;
    assert_eq!(answer.status(), 422);
    assert_eq!(code(&answer), "orders.invalid");
    let errors = answer.json::<Value>()["errors"].clone();
    let fields: Vec<&str> = errors
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["at"].as_str())
        .collect();
    let expected = [
        "customer",
        "items[0].quantity",
        "items[1].quantity",
        "items[1].product",
    ];
    assert_eq!(fields, expected, "{errors:#}");
    assert_eq!(errors[3]["help"], "there is kettle, mug, tea");
    assert_eq!(app.get("/orders").await.json::<Value>(), json!([]));
}

#[tokio::test]
async fn an_order_of_nothing_or_too_much_is_refused() {
    let app = start().await;
    for items in [vec![], vec![json!({"product": "tea", "quantity": 1}); 101]] {
        let answer = app
            .post("/orders", &json!({"customer": "Ada", "items": items}))
            .await;
        assert_eq!(
            (answer.status().as_u16(), &*code(&answer)),
            (422, "orders.invalid")
        );
        assert!(answer.text().contains("`items`"), "{}", answer.text());
    }
}

#[tokio::test]
async fn what_is_not_an_order_at_all_is_refused() {
    let app = start().await;
    for body in [
        json!({"customer": "Ada"}),
        json!({"customer": "Ada", "items": [], "price": 1}),
        json!(7),
    ] {
        let answer = app.post("/orders", &body).await;
        assert_eq!(
            (answer.status().as_u16(), &*code(&answer)),
            (422, "http.unprocessable"),
            "{body}"
        );
    }
    let text = Request::post("/orders")
        .body(Body::from("{}"))
        .expect("a request");
    assert_eq!(code(&app.send(text).await), "http.unsupported_media_type");
    let broken = Request::post("/orders")
        .header("content-type", "application/json")
        .body(Body::from("{"));
    assert_eq!(
        code(&app.send(broken.expect("a request")).await),
        "http.bad_request"
    );
}

#[tokio::test]
async fn large_orders_get_a_discount() {
    let app = start().await;
    let total =
        async |quantity| order(&app, "mug", quantity).await.json::<Value>()["total_cents"].clone();
    assert_eq!(total(8).await, 8 * 1_200);
    assert_eq!(total(10).await, 10 * 1_080);
}

#[tokio::test]
async fn the_discount_is_a_matter_of_configuration() {
    let total = async |yaml: &str| {
        let app = start_with(linked().config(yaml)).await;
        order(&app, "tea", 7).await.json::<Value>()["total_cents"].clone()
    };
    assert_eq!(
        total("plugins: {discount: {config: {percent: 33, from_cents: 0}}}").await,
        3_150 - 1_039
    );
    assert_eq!(
        total("plugins: {discount: {config: {percent: 100, from_cents: 0}}}").await,
        0
    );
    assert_eq!(total("plugins: {discount: {enabled: false}}").await, 3_150);
}

#[tokio::test]
async fn a_discount_of_more_than_all_is_refused() {
    let builder = linked().set("plugins.discount.config.percent", 101);
    let error = builder.start_error().await;
    assert_eq!(
        error.message(),
        "`plugins.discount.config.percent`: it is 101; expected a whole number from 0 to 100"
    );
}

/// The configuration in the root of the repository is written by `cargo xtask settings`: with it, everything is as
/// without it, and it says what there is.
#[test]
fn the_sample_configuration_is_what_the_program_says() {
    let program = env!("CARGO_BIN_EXE_orders");
    let output = std::process::Command::new(program)
        .args(["config", "--defaults"])
        .output()
        .expect("the program can be run");
    let defaults = String::from_utf8(output.stdout).expect("it says text");
    let sample = include_str!("../../../config.yaml");
    assert_eq!(sample, defaults, "run `cargo xtask settings`");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output = std::process::Command::new(program)
        .args(["config", "--diff"])
        .current_dir(root)
        .output()
        .expect("the program can be run");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "nothing is other than by default\n"
    );
}

#[tokio::test]
async fn products_and_prices_come_from_the_configuration() {
    let yaml = "plugins: {catalog: {config: {products: {book: 2500}}}}";
    let app = start_with(linked().config(yaml)).await;
    assert_eq!(
        app.get("/products").await.json::<Value>(),
        json!({"book": 2_500})
    );
    assert_eq!(
        order(&app, "book", 1).await.json::<Value>()["total_cents"],
        2_500
    );
    assert_eq!(order(&app, "tea", 1).await.status(), 422);
}

#[tokio::test]
async fn without_the_catalog_there_are_no_orders_and_no_payments() {
    let app = start_with(linked().set("plugins.catalog.enabled", false)).await;
    assert_eq!(app.state("catalog"), PluginState::Disabled);
    assert_eq!(app.state("orders"), PluginState::Blocked);
    assert_eq!(app.state("payments"), PluginState::Blocked);
    assert_eq!(app.state("announce"), PluginState::Running);
    assert_eq!(code(&app.get("/orders").await), "http.not_found");
}

#[tokio::test(start_paused = true)]
async fn the_store_says_how_many_orders_it_keeps() {
    let app = start().await;
    order(&app, "tea", 1).await;
    // By then it has been asked again.
    tokio::time::sleep(Duration::from_secs(40)).await;
    let health = app.handle().health_of_plugin("orders");
    let health = health.expect("there is such a plugin");
    assert_eq!(health.status, "healthy");
    assert_eq!(health.checks[0].name, "orders/store");
    assert_eq!(health.checks[0].details["orders"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_an_event() {
    let app = start().await;
    order(&app, "tea", 2).await;
    assert_eq!(app.post("/orders/1/pay", &()).await.status(), 200);
    let told = || {
        let report = app.handle().events_report().expect("the service runs");
        assert_eq!(report.topics["order.paid"].published, 1);
        report.subscribers["announce"].delivered
    };
    while told() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_answer_is_traced() {
    let app = start().await;
    for path in ["/orders", "/orders/7", "/nowhere"] {
        let request = Request::get(path)
            .header("X-Correlation-ID", "seven")
            .body(Body::empty());
        let answer = app.send(request.expect("a request")).await;
        assert_eq!(answer.header("X-Correlation-ID"), Some("seven"), "{path}");
        assert!(answer.header("X-Processing-Time").is_some(), "{path}");
    }
}

#[tokio::test]
async fn the_plugins_are_those_that_the_readme_names() {
    let app = start().await;
    let plugins = app.handle().plugins().expect("the service runs");
    let names: Vec<&str> = plugins.iter().map(|plugin| &*plugin.name).collect();
    assert_eq!(
        names,
        [
            "announce",
            "catalog",
            "compression",
            "cors",
            "custom-metrics",
            "discount",
            "jwt-authentication",
            "orders",
            "payments",
            "rate-limit",
            "request-tracing",
            "security-headers",
            "signing-key",
            "structured-logging",
            "timeout"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn it_shows_what_orders_cost_and_how_many_are_kept() {
    let app = start().await;
    let placed: Value = order(&app, "tea", 2).await.json();
    assert_eq!(order(&app, "nothing", 1).await.status(), 422);
    tokio::time::sleep(Duration::from_secs(31)).await;
    let page = app.metrics();
    let value = |series: &str| {
        let line = page.lines().find(|line| line.starts_with(series));
        let line = line.unwrap_or_else(|| panic!("{series}: {page}"));
        line.rsplit(' ').next().and_then(|value| value.parse().ok())
    };
    assert_eq!(value("orders_kept{plugin=\"orders\"}"), Some(1.0));
    assert_eq!(
        value("orders_placed_cents_count{plugin=\"orders\"}"),
        Some(1.0)
    );
    let sum = value("orders_placed_cents_sum{plugin=\"orders\"}");
    assert_eq!(sum, placed["total_cents"].as_f64());
}
