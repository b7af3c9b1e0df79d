//! `cargo xtask bench`: runs the subjects, and says what they cost.
//!
//! ```text
//! bench [--check | --record] [--inject PERCENT] [--only TEXT]
//!
//!   (nothing)         everything: counts, allocations, start-up; tables here, JSON and SVG in target/bench
//!   --check           only what is on record, compared with the record; fails above 3 %
//!   --record          everything, and the record and the tables in README.md are rewritten
//!   --inject PERCENT  with --check: makes the subjects slower by so much; it must fail
//!   --only TEXT       only subjects with this in their names
//! ```
#![forbid(unsafe_code)]

mod allocations;
mod callgrind;
mod client;
mod generation;
mod goals;
mod plugins;
mod readme;
mod record;
mod report;
mod start;
mod subject;
mod svg;

use chassis::{Context as _, Error, Result};
use record::Record;
use std::{collections::BTreeMap, env, process::ExitCode};
use subject::Subject;

/// Instructions each time, by the name of the subject.
type Counts = BTreeMap<String, f64>;

/// What was asked for.
#[derive(Debug, Default)]
struct Asked {
    check: bool,
    record: bool,
    inject: Option<f64>,
    only: Option<String>,
}

fn main() -> ExitCode {
    match asked(env::args().skip(1)).and_then(|asked| run(&asked)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error.report());
            // Another code than that of a gate that has done its work.
            ExitCode::from(2)
        }
    }
}

fn asked(mut arguments: impl Iterator<Item = String>) -> Result<Asked> {
    let mut asked = Asked::default();
    while let Some(argument) = arguments.next() {
        let mut value = || {
            let value = arguments.next();
            value.ok_or_else(|| Error::msg(format!("`{argument}` needs a value")))
        };
        match argument.as_str() {
            "--check" => asked.check = true,
            "--record" => asked.record = true,
            "--inject" => {
                let percent = value()?.parse();
                asked.inject = Some(percent.context("`--inject` is a percentage")?);
            }
            "--only" => asked.only = Some(value()?),
            _ => return Err(Error::msg(format!("`{argument}` is not understood"))),
        }
    }
    if asked.record && (asked.check || asked.only.is_some()) {
        return Err(Error::msg(
            "`--record` writes the whole record: neither `--check` nor `--only` goes with it",
        ));
    }
    if asked.inject.is_some() && !asked.check {
        return Err(Error::msg("`--inject` goes with `--check`"));
    }
    Ok(asked)
}

/// Whether everything is as it should be.
fn run(asked: &Asked) -> Result<bool> {
    let tools = callgrind::Tools::find()?;
    let wanted = |subject: &Subject| {
        let only = asked.only.as_deref().unwrap_or_default();
        (!asked.check || subject.is_gated) && subject.name.contains(only)
    };
    let plugins = plugins::list()?;
    let of_plugins = plugins.iter().map(plugins::WithPlugins::subject);
    let all = subject::all().into_iter().chain(of_plugins);
    let subjects: Vec<Subject> = all.filter(wanted).collect();
    if subjects.is_empty() {
        // Nothing compared with nothing would be a pass.
        return Err(Error::msg("there is no such subject"));
    }
    if asked.check {
        return check(&tools, &subjects, asked.inject);
    }
    let counts = callgrind::count_all(&tools, &subjects, &|_| 0)?;
    let found = report::Found {
        allocations: allocations::count(&subjects)?,
        start: start::measure()?,
        generation: generation::measure()?,
        walks: generation::walks()?,
        plugins,
        counts,
        machine: tools.machine(),
    };
    print!("{}", found.tables());
    found.write()?;
    if asked.record {
        Record::new(&tools, &subjects, &found.counts).write()?;
        found.write_readme()?;
    }
    Ok(true)
}

/// Compares with the record; whether nothing is outside of its band.
fn check(tools: &callgrind::Tools, subjects: &[Subject], inject: Option<f64>) -> Result<bool> {
    let record = Record::read()?;
    if let Some(difference) = record.differs_from(tools) {
        // Counts are compared with their like only; a green run must not hide that there were none.
        println!("SKIPPED: the record was made with {difference}");
        return Ok(true);
    }
    let added = |subject: &Subject| {
        let percent = inject.filter(|_| subject.is_ours).unwrap_or_default();
        record.share_of(&subject.name, percent)
    };
    let counts = callgrind::count_all(tools, subjects, &added)?;
    let verdicts = record.compare(&counts);
    print!("{}", record::table(&verdicts));
    let outside = verdicts
        .iter()
        .filter(|verdict| !verdict.is_within())
        .count();
    if outside > 0 {
        println!(
            "\n{outside} of {} counts are outside of their bands. If that is meant: cargo xtask bench --record",
            verdicts.len()
        );
    }
    Ok(outside == 0)
}
