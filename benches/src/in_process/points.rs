//! Extension points of all four kinds, each with `count` handlers that do next to nothing; and an event that nobody wants.

use super::Meter;
use crate::inject;
use chassis::{PluginInfo, Registration, prelude::*};
use std::hint::black_box;

/// Handlers that do not await.
#[extension_point]
static SYNC: FilterPoint<u64> = FilterPoint::new("bench.filter-sync");
/// Handlers that may await.
#[extension_point]
static ASYNC: FilterPoint<u64> = FilterPoint::new("bench.filter-async");
/// Handlers that are told.
#[extension_point]
static ACTION: ActionPoint<u64> = ActionPoint::new("bench.action");
/// Handlers that give something.
#[extension_point]
static PROVIDER: ProviderPoint<u64, u64> = ProviderPoint::new("bench.provider");
/// Handlers of which the last has the answer.
#[extension_point]
static CALL: CallPoint<u64, u64> = CallPoint::new("bench.call");

/// Nobody listens to it.
#[derive(serde::Serialize, serde::Deserialize)]
struct Unheard;

impl Event for Unheard {
    const TOPIC: &'static str = "bench.unheard";
}

/// Stands at all points.
struct Crowd;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Config {
    count: u64,
}

impl Plugin for Crowd {
    type Config = Config;

    async fn init(Config { count }: Config, cx: &mut PluginContext) -> Result<Self> {
        // Others listen, to something else.
        cx.on("bench.other", async |_: Message| ());
        cx.on("other.*.**", async |_: Message| ());
        for index in 0..count {
            cx.filter(&SYNC, |value: &mut u64| *value += 1);
            cx.filter_async(&ASYNC, async |value: &mut u64| *value += 1);
            cx.action(&ACTION, async |value: &u64| _ = black_box(*value));
            cx.provide(&PROVIDER, async |value: &u64| {
                Ok::<_, chassis::Error>(*value)
            });
            let is_last = index + 1 == count;
            cx.call(&CALL, async move |value: &u64| is_last.then_some(*value));
        }
        Ok(Self)
    }
}

pub(super) async fn run(kind: &str, count: u64, times: u64, meter: &Meter) -> Result<()> {
    let running = Chassis::builder()
        .without_linked_plugins()
        .register(Registration::new::<Crowd>(PluginInfo::new(
            "crowd", "1.0.0",
        )?))
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0")
        .set("plugins.crowd.config.count", count)
        .start()
        .await?;
    let scope = running.handle().enter()?;
    macro_rules! repeat {
        ($work:expr) => {{
            (meter.begin)();
            for _ in 0..times {
                inject();
                _ = black_box($work);
            }
            (meter.end)();
        }};
    }
    match kind {
        // What the loop itself costs.
        "nothing" => repeat!(black_box(1_u64)),
        "filter-sync" => repeat!(SYNC.apply(&scope, black_box(1)).await),
        "filter-async" => repeat!(ASYNC.apply(&scope, black_box(1)).await),
        "action" => repeat!(ACTION.run(&scope, black_box(&1)).await),
        "provider" => repeat!(PROVIDER.ask(&scope, black_box(&1)).await),
        "event" => {
            let events = running.handle().events()?;
            repeat!(events.publish(black_box(Unheard)));
        }
        "call" => repeat!(CALL.call(&scope, black_box(&1)).run().await),
        _ => return Err(Error::msg(format!("there is no point `{kind}`"))),
    }
    drop(scope);
    running.stop().await;
    Ok(())
}
