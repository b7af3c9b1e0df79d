//! `cargo xtask fuzz`: looks for inputs on which a target of `fuzz/` fails. What stable Rust can do of it - to run the
//! targets over the corpus - is among the tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use crate::{
    process::{self, program},
    tool,
};

/// The version of cargo-fuzz that is installed when there is none.
const VERSION: &str = "0.13.2";

/// The targets, as `fuzz/Cargo.toml` has them.
const TARGETS: &[&str] = &["load", "interpolate", "environment", "trace", "bearer"];

/// How long each target runs if nothing is said.
const SECONDS: u64 = 60;

/// What takes ten seconds or 2 GiB is a finding; no configuration that people write needs 4 KiB to show a mistake.
const LIMITS: &str = "-timeout=10 -rss_limit_mb=2048 -max_len=4096 -dict=fuzz/config.dict";

/// What is to be run.
#[derive(Debug, PartialEq)]
struct Arguments<'a> {
    targets: Vec<&'a str>,
    seconds: u64,
}

/// Runs each target for a while; fails with the input if it finds one.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let arguments = parse(arguments)?;
    let nightly = program("rustup")
        .args(["run", "nightly", "cargo", "--version"])
        .output();
    if !nightly.is_ok_and(|output| output.status.success()) {
        println!(
            "SKIPPED: fuzzing needs nightly Rust; `rustup toolchain install nightly --profile minimal` gets it"
        );
        return Ok(());
    }
    let cargo_fuzz = tool::find_or_install("cargo-fuzz", VERSION)?;
    println!("building; the first time it takes minutes");
    for target in &arguments.targets {
        process::quietly(cargo(&cargo_fuzz, "build").arg(target))?;
    }
    let mut findings = String::new();
    for target in &arguments.targets {
        println!("{target}: {}s", arguments.seconds);
        if let Err(reason) = run(&cargo_fuzz, target, arguments.seconds) {
            findings.push_str(&reason);
        }
    }
    match findings.is_empty() {
        true => Ok(()),
        false => Err(findings),
    }
}

fn parse(arguments: &[String]) -> Result<Arguments<'_>, String> {
    let (mut targets, mut seconds) = (Vec::new(), SECONDS);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                // 0 would be forever.
                seconds = number
                    .filter(|number| *number > 0)
                    .ok_or("write a number behind `--seconds`: `--seconds 600`")?;
            }
            target if TARGETS.contains(&target) => targets.push(target),
            other => {
                return Err(format!(
                    "`{other}` is not a target; there are {}, and `--seconds N`",
                    TARGETS.join(", ")
                ));
            }
        }
    }
    if targets.is_empty() {
        targets = TARGETS.to_vec();
    }
    Ok(Arguments { targets, seconds })
}

fn run(cargo_fuzz: &Path, target: &str, seconds: u64) -> Result<(), String> {
    let began = SystemTime::now();
    // The fuzzer adds to the first folder. What is in `fuzz/corpus` was put there by people.
    let found = tool::target().join("fuzz/corpus").join(target);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}\n", found.display()))?;
    let mut cargo = cargo(cargo_fuzz, "run");
    cargo
        .arg(target)
        .arg(found)
        .arg(Path::new("fuzz/corpus").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args(LIMITS.split(' '));
    process::loudly(&mut cargo).map_err(|reason| match newest(target, began) {
        Some(input) => format!(
            "{target} fails on {}\n  mend it, and move the input to fuzz/corpus/{target}\n",
            input.display()
        ),
        None => format!("{target}: {reason}\n"),
    })
}

/// The input that was written last, if that was since then.
fn newest(target: &str, since: SystemTime) -> Option<PathBuf> {
    let folder = Path::new("fuzz/artifacts").join(target);
    let entries = fs::read_dir(process::root().join(&folder)).ok()?;
    let written = entries.flatten().filter_map(|entry| {
        let modified = entry.metadata().ok()?.modified().ok()?;
        (modified >= since).then(|| (modified, folder.join(entry.file_name())))
    });
    written.max().map(|(_, path)| path)
}

/// cargo-fuzz, by nightly.
fn cargo(cargo_fuzz: &Path, what: &str) -> Command {
    let mut command = program("rustup");
    command.args(["run", "nightly"]).arg(cargo_fuzz).arg(what);
    // None of it is unsafe code of ours, and without a sanitizer it tries twice as much in a second.
    command.args(["--sanitizer", "none", "--target-dir"]);
    command.arg(tool::target().join("fuzz"));
    // That of the Rust which runs this.
    command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(Vec<String>, u64), String> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let Arguments { targets, seconds } = parse(&arguments)?;
        Ok((targets.iter().map(ToString::to_string).collect(), seconds))
    }

    #[test]
    fn targets_and_seconds_in_any_order() {
        assert_eq!(parsed(&[]).unwrap().0, TARGETS);
        assert_eq!(
            parsed(&["--seconds", "5", "load"]).unwrap(),
            (vec!["load".to_owned()], 5)
        );
        assert_eq!(
            parsed(&["load", "--seconds", "5"]).unwrap(),
            (vec!["load".to_owned()], 5)
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(parsed(&["lod"]).unwrap_err().contains("load, interpolate"));
        for seconds in [&["--seconds"][..], &["--seconds", "x"], &["--seconds", "0"]] {
            assert!(parsed(seconds).unwrap_err().contains("--seconds"));
        }
    }

    #[test]
    fn the_targets_are_those_there_are() {
        let manifest = fs::read_to_string(process::root().join("fuzz/Cargo.toml")).unwrap();
        let names: Vec<&str> = manifest
            .split("[[bin]]\nname = \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(names, TARGETS);
    }
}
