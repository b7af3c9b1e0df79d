//! `in_process SUBJECT TIMES`: does it so many times, for whoever counts the instructions.
#![forbid(unsafe_code)]

use chassis::{Context as _, Result};
use chassis_benches::{Meter, run};
use std::env;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let subject = arguments.next().context("which subject?")?;
    let times = arguments.next().context("how many times?")?.parse()?;
    run(&subject, times, &Meter::default())
}
