//! What is measured: the same work for all that are compared.
//!
//! The programs in `bin/` are the subjects; `bin/bench` runs and measures them.
#![forbid(unsafe_code)]

mod hello;
mod in_process;
mod start;
mod walk;

pub use self::{
    hello::{BODY, Hello, answer, listen},
    in_process::{Meter, pages, run},
    walk::walk,
};

use std::{hint::black_box, sync::LazyLock};

/// The variable that makes the subjects slower by so many instructions each time: for whoever doubts the gate.
pub const INJECT: &str = "CHASSIS_BENCH_INJECT";

/// Does what [`INJECT`] says: at least so many instructions of nothing.
#[inline]
pub fn inject() {
    static INSTRUCTIONS: LazyLock<u64> = LazyLock::new(|| {
        let text = std::env::var(INJECT).unwrap_or_default();
        text.parse().unwrap_or(0)
    });
    // A turn is four instructions or more.
    for turn in 0..INSTRUCTIONS.div_ceil(4) {
        black_box(turn);
    }
}
