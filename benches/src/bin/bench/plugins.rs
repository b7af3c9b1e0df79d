//! What shipped plugins cost: counted in a program of another package, which says what its subjects are.

use super::{
    Counts,
    callgrind::{OfCommand as _, beside},
    subject::{Subject, Work},
};
use chassis::{Context as _, Error, Result};
use serde::Deserialize;
use std::process::Command;

/// The program.
const PROGRAM: &str = "plugins";
/// What all its subjects begin with, and what they are above of: two of them are without plugins.
pub(crate) const BEGIN: &str = "plugin/";
const NOTHING: &str = "plugin/nothing";
/// What asks for 10 KiB.
const LARGE: &str = "/large";

/// A service with some plugins, and a request.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct WithPlugins {
    pub(crate) name: String,
    pub(crate) plugins: Vec<String>,
    /// What happens, in words.
    pub(crate) does: String,
    pub(crate) is_gated: bool,
}

/// Asks the program.
pub(crate) fn list() -> Result<Vec<WithPlugins>> {
    let mut command = Command::new(beside(PROGRAM));
    let output = command.arg("--list").output().with_context_of(&command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::msg(format!("`{PROGRAM}` failed: {said}")));
    }
    serde_json::from_slice(&output.stdout).context(format!("`{PROGRAM}` said no subjects"))
}

impl WithPlugins {
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            name: format!("{BEGIN}{}", self.name),
            work: Work::InProcess { program: PROGRAM },
            is_ours: true,
            is_gated: self.is_gated,
        }
    }
}

/// What the plugins of a subject cost: above the subject that asks for the same without any. Whole numbers, as on record.
pub(crate) fn above_none(counts: &Counts, subject: &str) -> Option<f64> {
    let base = match subject.ends_with(LARGE) {
        true => format!("{NOTHING}{LARGE}"),
        false => NOTHING.to_owned(),
    };
    let count = |name: &str| Some(counts.get(name)?.round());
    (subject != base).then_some(count(subject)? - count(&base)?)
}
