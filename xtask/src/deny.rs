//! `cargo xtask deny`: licences, banned crates and sources, and advisories where their database can be had.

use std::{env, time::Duration};

use crate::{
    process::{self, program},
    tool,
};

/// The version that is installed when there is none.
const VERSION: &str = "0.20.2";

/// How long the advisory database may take to arrive.
const FETCH: Duration = Duration::from_secs(60);

/// Says what was checked.
pub(crate) fn command(_: &[String]) -> Result<(), String> {
    println!("{}", run()?);
    Ok(())
}

/// Checks `deny.toml`; the result says what could not be checked.
pub(crate) fn run() -> Result<String, String> {
    let cargo_deny = tool::find_or_install("cargo-deny", VERSION)?;
    process::quietly(program(&cargo_deny).args(["check", "bans", "licenses", "sources"]))?;
    // Not `check advisories` alone: it does not tell a vulnerability from a network that is down.
    if let Err(reason) = process::within(
        FETCH,
        program(&cargo_deny)
            .args(["fetch", "db"])
            .env("GIT_TERMINAL_PROMPT", "0"),
    ) {
        // Where the network is known to be there, a green run must not hide that half of it was skipped.
        if env::var_os("CHASSIS_REQUIRE_ADVISORIES").is_some() {
            return Err(format!("{reason}\nthe advisory database can't be fetched"));
        }
        return Ok(
            "bans, licenses, sources; SKIPPED: advisories (their database can't be fetched)"
                .to_owned(),
        );
    }
    process::quietly(program(&cargo_deny).args(["check", "advisories"]))?;
    Ok("bans, licenses, sources, advisories".to_owned())
}
