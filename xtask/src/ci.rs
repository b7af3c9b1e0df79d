//! `cargo xtask ci`: all that CI runs, in CI's order.
//!
//! One line per step, and the output of those that fail. A failure does not keep the later steps from
//! running: whoever has to mend things wants to know all of them. The tests run last, in the open.

use std::{io::Write as _, time::Instant};

use crate::{bench, deny, process, test, tidy, tool};

/// What a step came to: a note for its line, or what there is to show.
type Outcome = Result<String, String>;

/// A name, and what is done under it.
type Step = (&'static str, fn() -> Outcome);

const STEPS: &[Step] = &[
    ("fmt", fmt),
    ("clippy", clippy),
    ("bare", bare),
    ("docs", docs),
    ("tidy", tidy),
    ("deny", deny::run),
    ("gate", bench::gate),
    ("promtool", promtool),
];

/// Runs every step; fails if one of them did.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    if let Some(argument) = arguments.first() {
        return Err(format!(
            "`cargo xtask ci` takes no arguments, not even `{argument}`"
        ));
    }
    let began = Instant::now();
    let mut failed: Vec<&str> = Vec::new();
    for (name, step) in STEPS {
        print!("{name:<10}");
        _ = std::io::stdout().flush();
        let (began, outcome) = (Instant::now(), step());
        let result = result(outcome.is_ok(), began);
        match outcome {
            Ok(note) => println!("{}", format!("{result}  {note}").trim_end()),
            Err(output) => {
                println!("{result}\n{}\n", output.trim());
                failed.push(name);
            }
        }
    }

    let (tests_began, report) = (Instant::now(), test::run(&[])?);
    if !report.succeeded() {
        failed.push("test");
    }
    println!("\ntest      {}", result(report.succeeded(), tests_began));
    let seconds = began.elapsed().as_secs_f64();
    match failed.as_slice() {
        [] => println!("ci        ok in {seconds:.1}s"),
        _ => println!("ci        FAILED in {seconds:.1}s: {}", failed.join(", ")),
    }
    // The very last line is that of the tests, for people and programs that look there.
    println!("\n{}", report.closing_line());
    if failed.is_empty() {
        Ok(())
    } else {
        Err(String::new())
    }
}

/// A test has it read what services say of themselves. A machine that can't have it is no reason to fail.
fn promtool() -> Outcome {
    Ok(match tool::promtool() {
        Ok(path) => format!("`check metrics` by {}", path.display()),
        Err(reason) => format!("SKIPPED: {}", tool::in_short(&reason)),
    })
}

fn result(succeeded: bool, began: Instant) -> String {
    let word = if succeeded { "ok" } else { "FAILED" };
    format!("{word:<8}{:>6.1}s", began.elapsed().as_secs_f64())
}

fn fmt() -> Outcome {
    silent(&mut process::cargo("fmt --all --check"))
        .map_err(|output| format!("{output}\nrun `cargo fmt --all`"))
}

fn clippy() -> Outcome {
    silent(&mut process::cargo(
        "clippy --workspace --all-targets --all-features -- -D warnings",
    ))
}

/// `chassis` as services build it. Every other step has the feature `testing` on.
fn bare() -> Outcome {
    silent(&mut process::cargo(
        "clippy --package chassis --no-default-features -- -D warnings",
    ))
}

fn docs() -> Outcome {
    let mut cargo = process::cargo("doc --workspace --no-deps --all-features");
    silent(cargo.env("RUSTDOCFLAGS", "-D warnings"))
}

fn tidy() -> Outcome {
    tidy::run()
}

fn silent(command: &mut std::process::Command) -> Outcome {
    process::quietly(command).map(|_| String::new())
}
