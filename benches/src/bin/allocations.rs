//! `allocations SUBJECT..`: prints for each how many allocations one time makes.
#![forbid(unsafe_code)]

use chassis::Result;
use chassis_benches::{Meter, run};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{
    alloc::System,
    env,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often each is done; a reload, which is as much work as a thousand requests, less often.
const TIMES: u64 = 1_000;
const RELOADS: u64 = 20;

static BEFORE: AtomicUsize = AtomicUsize::new(0);
static TIMED: AtomicU64 = AtomicU64::new(TIMES);

fn main() -> Result<()> {
    for subject in env::args().skip(1) {
        let times = match subject.starts_with("reload") {
            true => RELOADS,
            false => TIMES,
        };
        TIMED.store(times, Relaxed);
        run(&subject, times, &Meter { begin, end })?;
    }
    Ok(())
}

fn allocations() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

fn begin() {
    BEFORE.store(allocations(), Relaxed);
}

fn end() {
    let made = allocations() - BEFORE.load(Relaxed);
    #[expect(clippy::cast_precision_loss, reason = "both are small")]
    let each = made as f64 / TIMED.load(Relaxed) as f64;
    println!("{each:.2}");
}
