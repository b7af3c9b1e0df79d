//! Events: who is told, in which order, and what becomes of those that nobody takes.

use crate::made::{Log, plugin};
use chassis::{prelude::*, testing::TestChassis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod failing;
mod full;
pub(crate) mod hub;
mod lives;
mod outside;
mod transports;

/// Somebody has ordered something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OrderPlaced {
    number: u64,
}

impl Event for OrderPlaced {
    const TOPIC: &'static str = "order.placed";
}

/// Another type that claims the same topic.
#[derive(Debug, Serialize, Deserialize)]
struct Placed;

impl Event for Placed {
    const TOPIC: &'static str = "order.placed";
}

/// What another crate makes of it.
#[derive(Debug, Deserialize)]
struct Numbered {
    number: i32,
}

/// A plugin that publishes what it is told to: `POST /publish/{topic}`, and `POST /orders/{number}`.
fn publisher() -> chassis::Registration {
    plugin("shop", |cx| {
        cx.post(
            "/publish/{topic}",
            async |Path(topic): Path<String>, events: Events, Json(event): Json<Value>| {
                let published = events.publish_as(&topic, event)?;
                Ok::<_, Error>(published.queued.to_string())
            },
        );
        cx.post(
            "/orders/{number}",
            async |Path(number): Path<u64>, events: Events| {
                let published = events.publish(OrderPlaced { number })?;
                Ok::<_, Error>(format!("{} {}", published.queued, published.dropped))
            },
        );
    })
}

async fn publish(app: &TestChassis, topic: &str, event: Value) -> String {
    let answer = app.post(&format!("/publish/{topic}"), &event).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.text().to_owned()
}

async fn order(app: &TestChassis, number: u64) -> String {
    let answer = app.post(&format!("/orders/{number}"), &json!(null)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.text().to_owned()
}

#[tokio::test(start_paused = true)]
async fn topics_and_patterns_choose_who_is_told() {
    let log = Log::new();
    let wants = |name: &'static str, topic: &'static str| {
        let log = log.clone();
        plugin(name, move |cx| {
            let log = log.clone();
            cx.on(topic, async move |message: Message| {
                log.note(format!("{name} {}", message.topic()));
            });
        })
    };
    let app = TestChassis::builder()
        .register(publisher())
        .register(wants("exact", "user.login"))
        .register(wants("any", "user.*"))
        .register(wants("below", "user.**"))
        .register(wants("all", "**"))
        .start()
        .await
        .unwrap();
    // The chassis itself publishes, too.
    log.wait("event of the chassis", |all| {
        all.iter().any(|line| line == "all chassis.started")
    })
    .await;
    assert_eq!(publish(&app, "user.login", json!({})).await, "4");
    assert_eq!(publish(&app, "user.login.failed", json!({})).await, "2");
    assert_eq!(publish(&app, "orders", json!({})).await, "1");
    app.stop().await;
    let mut told: Vec<String> = log.lines();
    told.retain(|line| line.contains("user") || line.contains("orders"));
    told.sort();
    assert_eq!(
        told,
        [
            "all orders",
            "all user.login",
            "all user.login.failed",
            "any user.login",
            "below user.login",
            "below user.login.failed",
            "exact user.login",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_is_read_as_any_type_that_it_fits() {
    let log = Log::new();
    let to = log.clone();
    let packer = plugin("packer", move |cx| {
        let (one, other, third) = (to.clone(), to.clone(), to.clone());
        cx.subscribe(async move |order: Arc<OrderPlaced>| {
            one.note(format!("typed {}", order.number));
        });
        cx.on("order.placed", async move |order: Arc<Numbered>| {
            other.note(format!("fits {}", order.number));
        });
        cx.on(
            "**",
            async move |(order, message): (Arc<Value>, Message)| {
                if message.source() == "shop" {
                    third.note(format!("json {}", order["number"]));
                }
            },
        );
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(packer);
    let app = app.start().await.unwrap();
    order(&app, 7).await;
    publish(&app, "order.placed", json!({"number": 8})).await;
    app.stop().await;
    let mut told = log.lines();
    told.sort();
    assert_eq!(
        told,
        ["fits 7", "fits 8", "json 7", "json 8", "typed 7", "typed 8"]
    );
}

/// Packs orders, and says so.
#[plugin]
struct Packer;

impl Plugin for Packer {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Packer {
    #[on("order.placed", when = |message: &Message| message.source() == "shop")]
    async fn pack(&self, order: Arc<OrderPlaced>, message: Message) -> Result<()> {
        let number = order.number;
        message
            .events()
            .publish_as("order.packed", json!({"number": number}))?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_from_an_event_has_its_correlation_id() {
    let log = Log::new();
    let to = log.clone();
    let audit = plugin("audit", move |cx| {
        let to = to.clone();
        cx.on("order.**", async move |message: Message| {
            let request = message.request_id().map(ToString::to_string);
            to.note(format!(
                "{} from {} for {} {}",
                message.topic(),
                message.source(),
                request.unwrap_or_default(),
                message.correlation_id(),
            ));
        });
    });
    let app = TestChassis::with::<Packer>()
        .register(publisher())
        .register(audit);
    let app = app.start().await.unwrap();
    let request = http::Request::post("/orders/1").header("x-request-id", "r-1");
    let request = request.body(chassis::axum::body::Body::empty()).unwrap();
    assert_eq!(app.send(request).await.text(), "2 0");
    app.stop().await;
    assert_eq!(
        log.lines(),
        [
            "order.placed from shop for r-1 r-1",
            "order.packed from packer for r-1 r-1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_topic_is_told_where_it_is_written() {
    let wrong = plugin("wrong", |cx| {
        cx.on("a..b", async |_: Message| ());
    });
    let error = TestChassis::builder().register(wrong).start_error().await;
    let told = error.report();
    assert!(
        told.contains("`a..b` is no pattern of topics") && told.contains("events.rs:"),
        "{told}"
    );

    let wants = |name: &'static str| {
        plugin(name, move |cx| match name {
            "one" => _ = cx.subscribe(async |_: Arc<OrderPlaced>| ()),
            _ => _ = cx.subscribe(async |_: Arc<Placed>| ()),
        })
    };
    let both = TestChassis::builder()
        .register(wants("one"))
        .register(wants("two"));
    let told = both.start_error().await.report();
    for part in [
        "two types claim the topic",
        "OrderPlaced",
        "Placed",
        "`one`",
        "`two`",
        "events.rs:",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }

    let app = TestChassis::builder()
        .register(publisher())
        .start()
        .await
        .unwrap();
    for topic in ["no topic", "plugin.loaded"] {
        let path = format!("/publish/{}", topic.replace(' ', "%20"));
        let answer = app.post(&path, &json!({})).await;
        assert_eq!(
            answer.error().unwrap().code(),
            chassis::code::EVENT_TOPIC,
            "{topic}"
        );
    }
    app.stop().await;
}
