//! `cargo xtask deny`: licences, banned crates and sources, and advisories where their database can be had.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::process::{self, program};

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
    let cargo_deny = match installed() {
        Some(path) => path,
        None => install()?,
    };
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

/// On `PATH`, or where [`install`] has put it.
fn installed() -> Option<PathBuf> {
    let name = format!("cargo-deny{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([tools().join("bin")])
        .map(|folder| folder.join(&name))
        .find(|file| file.is_file())
}

fn install() -> Result<PathBuf, String> {
    let tools = tools();
    let mut cargo = process::cargo("install cargo-deny --locked --debug --version");
    cargo
        .arg(VERSION)
        .arg("--root")
        .arg(&tools)
        .arg("--target-dir")
        .arg(tools.join("build"));
    // It runs for a second: what counts is how long it takes to build.
    cargo
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0");
    process::quietly(&mut cargo)?;
    Ok(tools
        .join("bin")
        .join(format!("cargo-deny{}", env::consts::EXE_SUFFIX)))
}

fn tools() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    process::root().join(Path::new(&target)).join("tools")
}
