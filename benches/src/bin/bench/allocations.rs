//! Allocations, counted by an allocator that does nothing else besides.

use super::{
    Counts,
    callgrind::{OfCommand as _, beside},
    subject::{IN_PROCESS, Subject, Work},
};
use chassis::{Context as _, Error, Result};
use std::process::Command;

/// How many allocations each of these makes each time; only work without a network.
pub(crate) fn count(subjects: &[Subject]) -> Result<Counts> {
    let names = subjects.iter().filter(|subject| {
        matches!(
            subject.work,
            Work::InProcess {
                program: IN_PROCESS
            }
        )
    });
    let names: Vec<&String> = names.map(|subject| &subject.name).collect();
    let mut command = Command::new(beside("allocations"));
    let output = command.args(&names).output().with_context_of(&command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::msg(format!("`allocations` failed: {said}")));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let counts: Result<Vec<f64>> = said
        .lines()
        .map(|line| line.parse().context("`allocations` said no number"))
        .collect();
    Ok(names.into_iter().cloned().zip(counts?).collect())
}
