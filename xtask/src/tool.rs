//! Programs of others that a command needs: found on `PATH`, or installed into `target/tools`.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::process;

/// The program of this name, of this version if it has to be installed first.
pub(crate) fn find_or_install(name: &str, version: &str) -> Result<PathBuf, String> {
    match installed(name) {
        Some(path) => Ok(path),
        None => install(name, version),
    }
}

/// On `PATH`, or where [`install`] has put it.
fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([tools().join("bin")])
        .map(|folder| folder.join(file(name)))
        .find(|file| file.is_file())
}

fn install(name: &str, version: &str) -> Result<PathBuf, String> {
    let tools = tools();
    let mut cargo = process::cargo("install --locked --debug");
    cargo
        .arg(name)
        .arg("--version")
        .arg(version)
        .arg("--root")
        .arg(&tools)
        .arg("--target-dir")
        .arg(tools.join("build"));
    // It runs for a second: what counts is how long it takes to build.
    cargo
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0");
    process::quietly(&mut cargo)?;
    Ok(tools.join("bin").join(file(name)))
}

fn file(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

/// `target`, or what stands in for it.
pub(crate) fn target() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    process::root().join(Path::new(&target))
}

fn tools() -> PathBuf {
    target().join("tools")
}
