//! Programs of others that a command needs: found on `PATH`, or installed into `target/tools`.

use std::{
    env, fs,
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

/// A program of a package of Debian, unpacked into `target/tools`: where the package is then.
pub(crate) fn unpacked(package: &str, program: &str) -> Result<PathBuf, String> {
    let folder = tools().join(package);
    if folder.join(program).is_file() {
        return Ok(folder);
    }
    let missing = |reason: String| {
        format!(
            "{reason}\n{package} is not installed, and Debian's package can't be had; install {package}"
        )
    };
    fs::create_dir_all(&folder).map_err(|error| missing(error.to_string()))?;
    let mut apt = process::program("apt-get");
    process::quietly(apt.args(["download", package]).current_dir(&folder)).map_err(missing)?;
    let files = fs::read_dir(&folder).map_err(|error| missing(error.to_string()))?;
    let mut files = files.flatten().map(|entry| entry.path());
    let deb = files.find(|file| file.extension().is_some_and(|ending| ending == "deb"));
    let deb = deb.ok_or_else(|| missing("no package came".to_owned()))?;
    let mut dpkg = process::program("dpkg-deb");
    process::quietly(dpkg.arg("-x").arg(&deb).arg(&folder)).map_err(missing)?;
    // It would be found in place of a newer one.
    fs::remove_file(&deb).map_err(|error| missing(error.to_string()))?;
    Ok(folder)
}

/// Why a program can't be had, on one line: what was said first, and what there is to do.
pub(crate) fn in_short(reason: &str) -> String {
    let mut lines = reason.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().trim();
    match lines.next_back() {
        Some(last) => format!("{} ({first})", last.trim()),
        None => first.to_owned(),
    }
}

/// `promtool`, on `PATH` or from Debian's package.
pub(crate) fn promtool() -> Result<PathBuf, String> {
    const PROGRAM: &str = "usr/bin/promtool";
    match installed("promtool") {
        Some(path) => Ok(path),
        None => Ok(unpacked("prometheus", PROGRAM)?.join(PROGRAM)),
    }
}

/// `target`, or what stands in for it.
pub(crate) fn target() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    process::root().join(Path::new(&target))
}

fn tools() -> PathBuf {
    target().join("tools")
}
