//! Generations: timed, because threads that fight for a cache line do not show in counts.

use super::callgrind::{OfCommand as _, beside};
use chassis::{Context as _, Error, Result};
use serde_json::{Map, Value};
use std::process::Command;

/// What `generation` found: nanoseconds to enter and leave, milliseconds of a reload; and `reloading`: what clients notice.
pub(crate) fn measure() -> Result<Map<String, Value>> {
    let mut found = said("generation")?;
    found.extend(said("reloading")?);
    Ok(found)
}

/// The one JSON object that a program says.
fn said(program: &str) -> Result<Map<String, Value>> {
    let mut command = Command::new(beside(program));
    let output = command.output().with_context_of(&command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::msg(format!("`{program}` failed: {said}")));
    }
    serde_json::from_slice(&output.stdout).context(format!("`{program}` said no JSON"))
}

/// How long it takes to find all plugins that are linked, in microseconds, by their number.
pub(crate) fn walks() -> Result<Vec<(&'static str, f64)>> {
    let walk = |program| {
        let mut command = Command::new(beside(program));
        let output = command.arg("--walk").output().with_context_of(&command)?;
        let said = String::from_utf8_lossy(&output.stdout);
        let nanos: f64 = said.trim().parse().context("a walk said no number")?;
        Ok((program, nanos / 1_000.0))
    };
    ["start_10", "start_100", "start_1000"]
        .map(walk)
        .into_iter()
        .collect()
}
