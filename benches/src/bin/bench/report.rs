//! What was found: as tables, as JSON, as pictures.

use super::{
    Counts,
    callgrind::results,
    goals::{self, Goal},
    start::Start,
    subject::{COUNTS, FORMS, HANDLERS, OBSERVED, PLUGINS, POINTS},
    svg,
};
use chassis::{Context as _, Result};
use serde_json::{Map, Value, json};
use std::{fmt::Write as _, fs, path::PathBuf, process::Command};

/// Everything that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) counts: Counts,
    pub(crate) allocations: Counts,
    pub(crate) start: Vec<Start>,
    pub(crate) generation: Map<String, Value>,
    /// Microseconds to find all linked plugins, by the program.
    pub(crate) walks: Vec<(&'static str, f64)>,
    pub(crate) machine: String,
}

impl Found {
    /// For the terminal.
    pub(crate) fn tables(&self) -> String {
        let mut text = format!("\n{}\n", self.machine);
        text += "\nGET / over one connection, instructions for each request\n\n";
        for (name, count) in self.hello() {
            _ = writeln!(text, "{name:<28}{count:>10.0}");
        }
        for does in ["noop", "header"] {
            _ = write!(
                text,
                "\nmiddleware ({does}), instructions (allocations)\n\n{:<16}",
                ""
            );
            for count in COUNTS {
                _ = write!(text, "{count:>16}");
            }
            text.push('\n');
            for form in FORMS {
                self.row(
                    &mut text,
                    form,
                    &format!("middleware/{form}/{does}"),
                    &COUNTS,
                );
            }
        }
        text += "\na request that is observed, instructions (allocations)\n\n";
        for what in OBSERVED {
            let name = format!("observed/{what}");
            if let Some(count) = self.counts.get(&name) {
                let allocations = self.allocations.get(&name).copied().unwrap_or_default();
                _ = writeln!(text, "{what:<16}{count:>10.0} ({allocations:.0})");
            }
        }
        text += "\na reload of so many plugins, one of which is built anew, instructions (allocations)\n\n";
        for plugins in PLUGINS {
            let name = format!("reload/{plugins}");
            if let Some(count) = self.counts.get(&name) {
                let allocations = self.allocations.get(&name).copied().unwrap_or_default();
                _ = writeln!(text, "{plugins:<16}{count:>10.0} ({allocations:.0})");
            }
        }
        _ = write!(text, "\npoints, instructions (allocations)\n\n{:<16}", "");
        for count in HANDLERS {
            _ = write!(text, "{count:>16}");
        }
        text.push('\n');
        for point in POINTS {
            self.row(&mut text, point, &format!("points/{point}"), &HANDLERS);
        }
        text += "\nstart: exec to the first 200, memory then, size of the file\n\n";
        for start in &self.start {
            let Start {
                program,
                median_ms,
                min_ms,
                resident_kib,
                size_kib,
            } = start;
            _ = writeln!(
                text,
                "{program:<16}{median_ms:>8.2} ms (min {min_ms:.2}){resident_kib:>8} KiB{size_kib:>8} KiB"
            );
        }
        for (program, micros) in &self.walks {
            _ = writeln!(
                text,
                "{program:<16}{micros:>8.2} us to find the plugins that are linked"
            );
        }
        text += "\ngenerations: nanoseconds to enter and leave, on so many threads, and for an event that nobody wants; milliseconds of a reload; p99 while there are reloads, and without\n\n";
        for (what, found) in &self.generation {
            _ = writeln!(text, "{what:<16}{found}");
        }
        text += "\ngoals\n\n";
        for goal in goals::all(self) {
            let Goal { what, limit, found } = &goal;
            let told = if goal.is_met() { "" } else { "  NOT MET" };
            _ = writeln!(text, "{what:<56}{found:>10.1} <= {limit:.1}{told}");
        }
        text
    }

    /// The subjects of `hello`, the cheapest first.
    fn hello(&self) -> Vec<(String, f64)> {
        let of_hello = |(name, count): (&String, &f64)| {
            let name = name.strip_prefix("hello/")?.replace('/', " ");
            Some((name, *count))
        };
        let mut hello: Vec<_> = self.counts.iter().filter_map(of_hello).collect();
        hello.sort_by(|(_, one), (_, other)| one.total_cmp(other));
        hello
    }

    fn row(&self, text: &mut String, title: &str, family: &str, columns: &[u32]) {
        let cell = |column: &u32| {
            let name = format!("{family}/{column}");
            let count = self.counts.get(&name)?;
            let made = self.allocations.get(&name).copied().unwrap_or_default();
            Some(format!("{count:.0} ({made:.0})"))
        };
        let cells: Vec<String> = columns.iter().filter_map(cell).collect();
        if cells.is_empty() {
            return;
        }
        _ = write!(text, "{title:<16}");
        for cell in cells {
            _ = write!(text, "{cell:>16}");
        }
        text.push('\n');
    }

    /// JSON and pictures, in `target/bench`.
    pub(crate) fn write(&self) -> Result<()> {
        let folder = results();
        fs::create_dir_all(&folder)?;
        let json = json!({
            "machine": self.machine,
            "instructions": self.counts,
            "allocations": self.allocations,
            "start": self.start,
            "generation": self.generation,
            "walks_us": self.walks,
        });
        let json = serde_json::to_string_pretty(&json)? + "\n";
        fs::write(folder.join("results.json"), json)?;
        let hello = svg::bars("GET /, instructions for each request", &self.hello());
        fs::write(folder.join("hello.svg"), hello)?;
        let ten = |form: &&str| {
            let count = |n| self.counts.get(&format!("middleware/{form}/header/{n}"));
            Some(((*form).to_owned(), count(10)? - count(0)?))
        };
        let ten: Vec<(String, f64)> = FORMS.iter().filter_map(ten).collect();
        let ten = svg::bars(
            "ten pieces of middleware that write a header each, instructions",
            &ten,
        );
        fs::write(folder.join("middleware.svg"), ten)?;
        eprintln!("\nJSON and pictures are in {}", folder.display());
        Ok(())
    }

    /// The table in README.md, between its two marks.
    pub(crate) fn write_readme(&self) -> Result<()> {
        let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"));
        let readme = fs::read_to_string(&file)?;
        let (before, rest) = readme.split_once(BEGIN).context("README.md has no table")?;
        let (_, after) = rest
            .split_once(END)
            .context("the table of README.md has no end")?;
        let text = format!("{before}{BEGIN}\n{}{END}{after}", self.markdown());
        fs::write(file, text).context("can't write README.md")
    }

    fn markdown(&self) -> String {
        let count = |name: &str| self.counts.get(name).copied().unwrap_or_default();
        let row = |what: &str, names: [&str; 3]| {
            let cells = names.map(|name| match count(name) {
                0.0 => String::new(),
                count => thousands(count),
            });
            format!("| {what} | {} |\n", cells.join(" | "))
        };
        let mut text = String::from(
            "| Instructions for each request | hyper | axum | chassis |\n|---|---:|---:|---:|\n",
        );
        text += &row("`GET /`", ["hello/hyper", "hello/axum", "hello/chassis"]);
        text += &row(
            "`GET /{name}`",
            ["", "hello/axum/parameter", "hello/chassis/parameter"],
        );
        text += &row(
            "`GET /`, ten pairs of hooks around it",
            ["", "", "hello/chassis/pairs/10"],
        );
        let ten = |form: &str| {
            let name = |n| format!("middleware/{form}/header/{n}");
            thousands(count(&name(10)) - count(&name(0)))
        };
        text +=
            "\n| Ten pieces of middleware that write a header each | instructions |\n|---|---:|\n";
        for (what, form) in [
            ("ten headers, written by the handler", "handler"),
            ("hooks of the chassis", "hooks"),
            ("tower layers, composed statically", "axum-static"),
            ("arounds of the chassis", "around"),
            ("tower layers, in the chassis", "layer"),
            ("axum's `Router::layer`", "axum-layer"),
            ("axum's `middleware::from_fn`", "axum-from-fn"),
        ] {
            _ = writeln!(text, "| {what} | {} |", ten(form));
        }
        let said = |command: &mut Command| {
            let output = command.output().ok();
            let output =
                output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
            output.unwrap_or_default()
        };
        let date = said(Command::new("date").args(["-u", "+%Y-%m-%d"]));
        let commit = said(Command::new("git").args(["rev-parse", "--short", "HEAD"]));
        _ = writeln!(text, "\n{date}, on top of {commit}; {}.", self.machine);
        text
    }
}

const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";

/// `12,345`.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_are_separated() {
        let texts = [0.0, 999.4, 1_000.0, 12_345.6, 1_234_567.0].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "12,346", "1,234,567"]);
    }
}
