//! What requests and reloads leave behind: nothing, however many there are.
//!
//! A test run makes some, `cargo xtask soak` many more.
#![forbid(unsafe_code)]

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{alloc::System, env};
use tokio::sync::{Mutex, MutexGuard};

// Requests for many paths, with many ids.
mod requests;
// Reloads, and all that plugins have.
mod reloads;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// By how much what is allocated may differ: queues and tables that happen to have room for more.
const SLACK: usize = 64 << 10;

/// How many bytes are allocated now.
fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// One at a time: what another test allocates would be counted.
async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// How many, if the long form says so, and else the short one.
fn how_many(variable: &str, short: u64) -> u64 {
    match env::var(variable) {
        Ok(count) => count.parse().expect("it is a number"),
        Err(_) => short,
    }
}
