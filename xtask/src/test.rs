//! `cargo xtask test`: every test of the workspace, and one closing line for all of them.

use std::time::Instant;

use crate::{process, tool};

/// What all tests together came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    counts: [u64; 5],
    succeeded: bool,
    seconds: f64,
}

/// The names of `Report::counts`, in the order in which the test harness writes them.
const COUNTS: [&str; 5] = ["passed", "failed", "ignored", "measured", "filtered out"];

/// Runs the tests and prints the closing line.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let report = run(arguments)?;
    println!("\n{}", report.closing_line());
    if report.succeeded() {
        Ok(())
    } else {
        Err(String::new())
    }
}

/// Runs the tests; their output is shown while they run.
pub(crate) fn run(arguments: &[String]) -> Result<Report, String> {
    let harness = match arguments.split_first() {
        None => &[][..],
        Some((first, rest)) if first == "--" => rest,
        Some((first, _)) => {
            return Err(format!(
                "`{first}` is not understood; write `cargo xtask test -- {first}`"
            ));
        }
    };
    let began = Instant::now();
    let mut report = Report::default();
    // All features, so that `chassis` is built once, with `testing`, for everything that uses it.
    let mut cargo = process::cargo("test --workspace --all-features --no-fail-fast");
    match tool::promtool() {
        Ok(promtool) => _ = cargo.env("PROMTOOL", promtool),
        // What the test itself says is not shown.
        Err(reason) => println!("promtool  SKIPPED: {}", tool::in_short(&reason)),
    }
    cargo.arg("--").args(harness);
    report.succeeded = process::listening(&mut cargo, |line| report.add(line))?;
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

impl Report {
    /// Whether everything was built and nothing failed.
    pub(crate) fn succeeded(&self) -> bool {
        self.succeeded
    }

    /// The sum of the closing lines of all test binaries, in their own form.
    pub(crate) fn closing_line(&self) -> String {
        let result = if self.succeeded { "ok" } else { "FAILED" };
        let counts: Vec<String> = self
            .counts
            .iter()
            .zip(COUNTS)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        let seconds = self.seconds;
        format!(
            "test result: {result}. {}; finished in {seconds:.2}s",
            counts.join("; ")
        )
    }

    /// Adds the counts of a line, if it is the closing line of a test binary.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in counts.split("; ") {
            let Some((number, name)) = part.split_once(' ') else {
                continue;
            };
            let Some(index) = COUNTS.iter().position(|count| *count == name) else {
                continue;
            };
            self.counts[index] += number.parse::<u64>().unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed() {
        let mut report = Report {
            succeeded: true,
            seconds: 3.0,
            ..Report::default()
        };
        report.add("running 3 tests");
        report.add("test a ... ok");
        report.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        report.add("test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 1.00s");
        assert_eq!(
            report.closing_line(),
            "test result: ok. 7 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 3.00s",
        );
    }

    #[test]
    fn what_does_not_compile_is_a_failure_without_counts() {
        assert!(
            Report::default()
                .closing_line()
                .starts_with("test result: FAILED. 0 passed; 0 failed;")
        );
    }

    #[test]
    fn arguments_before_the_dashes_are_refused() {
        let message = run(&["greets".to_owned()]).unwrap_err();
        assert_eq!(
            message,
            "`greets` is not understood; write `cargo xtask test -- greets`"
        );
    }
}
