//! `cargo xtask bench`: what the chassis costs. The work is done by the program `bench` of the crate `benches`; this builds
//! it, and finds valgrind for it.

use std::{env, path::PathBuf, process::Command};

use crate::{
    process::{self, program},
    tool::{self, target, unpacked},
};

/// What the gate needs of the crate; the rest takes much longer to build.
const GATE: &str =
    "--bin bench --bin hello_hyper --bin hello_axum --bin hello_chassis --bin in_process";

/// Builds and runs it, with these arguments.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let is_check = arguments.iter().any(|argument| argument == "--check");
    build_all(if is_check { GATE } else { "--bins" })?;
    if !is_check {
        // As whoever runs it builds it; its start is measured.
        build("orders", "")?;
    }
    process::loudly(bench()?.args(arguments))
}

/// Compares with the record; then sees to it that the gate notices a chassis that is slower by 5 %.
pub(crate) fn gate() -> Result<String, String> {
    if !cfg!(target_os = "linux") {
        return Ok("SKIPPED: the record is of Linux".to_owned());
    }
    if let Err(reason) = valgrind() {
        return Ok(format!("SKIPPED: {}", tool::in_short(&reason)));
    }
    build_all(GATE)?;
    let table = process::quietly(bench()?.arg("--check"))?;
    if let Some(skipped) = table.lines().find(|line| line.starts_with("SKIPPED")) {
        return Ok(skipped.to_owned());
    }
    let mut slower = bench()?;
    slower.args(["--check", "--inject", "5", "--only", "hello/chassis"]);
    let output = slower.output().map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stdout);
    let missed = told
        .lines()
        .find(|line| line.starts_with("hello/") && !line.contains("SLOWER"));
    if output.status.code() != Some(1) || missed.is_some() {
        return Err(format!(
            "the gate let a chassis pass that is slower by 5 %:\n{told}"
        ));
    }
    let counts = table.lines().filter(|line| line.contains('/')).count();
    Ok(format!("{} counts within 3 % of the record", counts / 2))
}

fn build_all(what: &str) -> Result<(), String> {
    build("chassis-benches", what)?;
    build("chassis-plugin-benches", "")
}

/// Each package alone: others turn on features that make tokio's clock a slower one.
fn build(package: &str, what: &str) -> Result<(), String> {
    let mut cargo = process::cargo("build --release --package");
    cargo.arg(package).args(what.split_whitespace());
    process::quietly(&mut cargo).map(drop)
}

fn bench() -> Result<Command, String> {
    let mut bench = program(target().join("release/bench"));
    let (valgrind, library) = valgrind()?;
    bench.env("VALGRIND", valgrind);
    if let Some(library) = library {
        bench.env("VALGRIND_LIB", library);
    }
    Ok(bench)
}

/// Valgrind on `PATH`; or Debian's package, unpacked into `target/tools`, and where its tools are then.
fn valgrind() -> Result<(PathBuf, Option<PathBuf>), String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut files = env::split_paths(&path).map(|folder| folder.join("valgrind"));
    if let Some(file) = files.find(|file| file.is_file()) {
        return Ok((file, None));
    }
    let folder = unpacked("valgrind", "usr/bin/valgrind.bin")?;
    let file = folder.join("usr/bin/valgrind.bin");
    Ok((file, Some(folder.join("usr/libexec/valgrind"))))
}
