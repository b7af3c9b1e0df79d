//! `cargo xtask soak`: what a test run has no time for. A million requests, and nothing is left of them.

use crate::process;

/// How many requests are sent.
const REQUESTS: &str = "1000000";

pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    if let Some(argument) = arguments.first() {
        return Err(format!(
            "`cargo xtask soak` takes no arguments, not even `{argument}`"
        ));
    }
    let mut cargo = process::cargo("test --package chassis-tests --all-features --test memory");
    cargo.env("CHASSIS_SOAK_REQUESTS", REQUESTS);
    process::loudly(cargo.args(["--", "--nocapture"]))
}
