//! What it takes to enter and leave a generation, on one thread and on two, beside other ways to get at something that is
//! swapped; what an event costs that nobody wants; and how long a reload takes. Prints one JSON object.
#![forbid(unsafe_code)]

use arc_swap::{ArcSwap, Cache};
use chassis::{__private::Entrance, PluginInfo, Registration, Running, prelude::*};
use serde_json::{Map, Value, json};
use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// One of many that do nothing.
struct Idle;

impl Plugin for Idle {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut found = Map::new();
    entering(&mut found).await?;
    for plugins in [10, 100, 1_000] {
        let running = start(plugins).await?;
        let (mut swap, mut total) = (f64::MAX, f64::MAX);
        for _ in 0..RELOADS {
            let reloaded = running.handle().reload_all().await?;
            swap = swap.min(reloaded.swap_ms);
            total = total.min(reloaded.total_ms);
        }
        running.stop().await;
        found.insert(
            format!("reload/{plugins}"),
            json!({"swap_ms": swap, "total_ms": total}),
        );
    }
    println!("{}", Value::Object(found));
    Ok(())
}

const RELOADS: usize = 5;

async fn start(plugins: usize) -> Result<Running> {
    let mut builder = Chassis::builder()
        .without_linked_plugins()
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0");
    for plugin in 0..plugins {
        let mut required = vec![plugin / 2, plugin / 3];
        required.dedup();
        let required = required.into_iter().filter(|&other| other < plugin);
        let info = PluginInfo::new(format!("plugin-{plugin}"), "1.0.0")?
            .requires(required.map(|other| format!("plugin-{other}")));
        builder = builder.register(Registration::new::<Idle>(info));
    }
    builder.start().await
}

async fn entering(found: &mut Map<String, Value>) -> Result<()> {
    let running = start(10).await?;
    let shared = ArcSwap::from_pointee(0_u64);
    let handle = running.handle();
    // As connections do it: each has a shard of its own.
    let entrance = || {
        let entrance = Entrance::of(&handle);
        move || drop(black_box(entrance.enter()))
    };
    let load_full = || || drop(black_box(shared.load_full()));
    let cached = || {
        let mut cache = Cache::new(&shared);
        move || _ = black_box(cache.load())
    };
    for threads in [1, 2] {
        let mut best = [f64::MAX; 3];
        // They take turns, so that a slow minute of the machine is one for all.
        for _ in 0..ROUNDS {
            let round = [
                nanos(threads, &entrance),
                nanos(threads, &load_full),
                nanos(threads, &cached),
            ];
            best = std::array::from_fn(|index| best[index].min(round[index]));
        }
        for (what, best) in ["enter", "load_full", "cache"].iter().zip(best) {
            found.insert(format!("{what}/{threads}"), json!(best));
        }
    }
    let events = handle.events()?;
    let unheard = || || _ = black_box(events.publish(Unheard));
    let rounds = (0..ROUNDS).map(|_| nanos(1, &unheard));
    found.insert(
        "unheard/1".to_owned(),
        json!(rounds.fold(f64::MAX, f64::min)),
    );
    running.stop().await;
    Ok(())
}

/// Nobody listens to it.
#[derive(serde::Serialize, serde::Deserialize)]
struct Unheard;

impl Event for Unheard {
    const TOPIC: &'static str = "bench.unheard";
}

const ROUNDS: usize = 15;
const TIMES: u32 = 1_000_000;

/// How long one time takes, in nanoseconds, while so many threads do it.
fn nanos<W: FnMut()>(threads: usize, make: &(impl Fn() -> W + Sync)) -> f64 {
    let together = Barrier::new(threads);
    let one = || {
        let mut work = make();
        together.wait();
        let since = Instant::now();
        for _ in 0..TIMES {
            work();
        }
        since.elapsed()
    };
    let took = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let took = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Duration::MAX));
        took.max().unwrap_or_default()
    });
    took.as_secs_f64() * 1e9 / f64::from(TIMES)
}
