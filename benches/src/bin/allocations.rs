//! `allocations SUBJECT..`: prints for each how many allocations one time makes.
#![forbid(unsafe_code)]

use chassis::Result;
use chassis_benches::{Meter, run};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{
    alloc::System,
    env,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often each is done.
const TIMES: u64 = 1_000;

static BEFORE: AtomicUsize = AtomicUsize::new(0);

fn main() -> Result<()> {
    for subject in env::args().skip(1) {
        run(&subject, TIMES, &Meter { begin, end })?;
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
    let each = made as f64 / TIMES as f64;
    println!("{each:.2}");
}
