//! What it takes to enter and leave a generation, on one thread and on two, beside other ways to get at something that is
//! swapped; what an event costs that nobody wants; and how long a reload takes. Prints one JSON object.
#![forbid(unsafe_code)]

use arc_swap::{ArcSwap, Cache};
use chassis::{__private::Entrance, Event, Result};
use chassis_benches::pages;
use serde_json::{Map, Value, json};
use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

#[tokio::main]
async fn main() -> Result<()> {
    let mut found = Map::new();
    entering(&mut found).await?;
    for plugins in [10, 100, 1_000] {
        let running = pages(plugins)?.start().await?;
        let (mut swap, mut total) = (f64::MAX, f64::MAX);
        for _ in 0..RELOADS {
            let reloaded = running.handle().reload_all().await?;
            swap = swap.min(reloaded.swap_ms);
            total = total.min(reloaded.total_ms);
        }
        found.insert(
            format!("reload/{plugins}"),
            json!({"swap_ms": swap, "total_ms": total}),
        );
        // The last one: nobody requires it.
        let name = format!("plugin-{}", plugins - 1);
        let (mut swap, mut total) = (Vec::new(), Vec::new());
        for _ in 0..RELOADS_OF_ONE {
            let reloaded = running.handle().reload_plugin(&name).await?;
            swap.push(reloaded.swap_ms);
            total.push(reloaded.total_ms);
        }
        found.insert(
            format!("reload-one/{plugins}"),
            json!({"swap_ms": median(&mut swap), "total_ms": median(&mut total)}),
        );
        running.stop().await;
    }
    println!("{}", Value::Object(found));
    Ok(())
}

const RELOADS: usize = 5;
const RELOADS_OF_ONE: usize = 51;

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn entering(found: &mut Map<String, Value>) -> Result<()> {
    let running = pages(10)?.start().await?;
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
