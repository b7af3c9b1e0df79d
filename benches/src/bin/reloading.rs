//! What clients notice of reloads: the 99th percentile of how long requests take, while nothing else happens and while a
//! plugin is built anew again and again, in turns. Prints one JSON object.
//!
//! The load is open-loop: each request has its time, and what it takes is counted from there, however late it was sent. So a
//! service that stands still is late for all requests of that time, and not for one.
#![forbid(unsafe_code)]

use chassis::{ChassisHandle, Error, Result};
use chassis_benches::{BODY, pages};
use serde_json::{Map, Value, json};
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Requests in a second, over all connections.
const RATE: u32 = 2_000;

/// Each has a thread: a late answer delays no other connection.
const CONNECTIONS: u32 = 8;

/// How long a round takes.
const ROUND: Duration = Duration::from_secs(1);

/// How many reloads there are in a round that has any.
const RELOADS: u32 = 10;

/// Rounds of each kind, in turns: what else the machine does meets both. In all of them together there are a hundred reloads
/// and more.
const ROUNDS: usize = 21;

fn main() -> Result<()> {
    let mut found = Map::new();
    for plugins in [10, 1_000] {
        // The runtime of the service has its own threads, as that of `chassis::main` does.
        let runtime = tokio::runtime::Runtime::new()?;
        found.insert(
            format!("reloading/{plugins}"),
            runtime.block_on(measure(plugins))?,
        );
    }
    println!("{}", Value::Object(found));
    Ok(())
}

/// The medians of all rounds, and of the ratios of neighbours.
async fn measure(plugins: usize) -> Result<Value> {
    let running = pages(plugins)?.start().await?;
    let (address, handle) = (running.service_address(), running.handle());
    // Nobody requires it.
    let last = format!("plugin-{}", plugins - 1);
    let (mut quiet, mut reloading, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let without = round(address).await?;
        let reloads = tokio::spawn(reload(handle.clone(), last.clone()));
        let with = round(address).await?;
        reloads.await??;
        quiet.push(without);
        reloading.push(with);
        ratios.push(with / without);
    }
    running.stop().await;
    Ok(json!({
        "quiet_p99_us": median(&mut quiet),
        "reloading_p99_us": median(&mut reloading),
        "ratio": median(&mut ratios),
        "ratios": ratios,
    }))
}

/// One reload after the other, spread over a round; each builds one plugin anew.
async fn reload(handle: ChassisHandle, last: String) -> Result<()> {
    let mut ticks = tokio::time::interval(ROUND / RELOADS);
    for _ in 0..RELOADS {
        ticks.tick().await;
        handle.reload_plugin(&last).await?;
    }
    Ok(())
}

/// The 99th percentile of a round, in microseconds.
async fn round(address: SocketAddr) -> Result<f64> {
    let begin = Instant::now() + Duration::from_millis(20);
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|number| thread::spawn(move || ask(address, begin, number)))
        .collect();
    let wait = move || -> Result<Vec<f64>> {
        let mut all = Vec::new();
        for connection in connections {
            let took = connection.join();
            all.extend(took.map_err(|_| Error::msg("a client has panicked"))??);
        }
        Ok(all)
    };
    let mut all = tokio::task::spawn_blocking(wait).await??;
    all.sort_by(f64::total_cmp);
    Ok(all[all.len() * 99 / 100])
}

/// Asks again and again, each time at its time; how long each took from there, in microseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own: no runtime of the subject waits for it"
)]
fn ask(address: SocketAddr, begin: Instant, number: u32) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let period = Duration::from_secs(1) / RATE;
    let mut took = Vec::new();
    let mut chunk = [0; 4_096];
    for turn in 0.. {
        let due = period * (turn * CONNECTIONS + number);
        if due >= ROUND {
            break;
        }
        let due = begin + due;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // One that is there from the beginning, and is not rebuilt.
        stream.write_all(b"GET /plugin-7 HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        let mut answer = Vec::new();
        while !answer.ends_with(&BODY) {
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Err(Error::msg("the service has closed a connection"));
            }
            answer.extend_from_slice(&chunk[..read]);
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err(Error::msg("the service did not answer 200"));
        }
        took.push(due.elapsed().as_secs_f64() * 1e6);
    }
    Ok(took)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
