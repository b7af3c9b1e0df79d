//! What was found: as tables, as JSON, as pictures.

use super::{
    Counts,
    callgrind::results,
    goals::{self, Goal},
    plugins::{WithPlugins, above_none},
    start::Start,
    subject::{COUNTS, FORMS, HANDLERS, OBSERVED, PLUGINS, POINTS},
    svg,
};
use chassis::Result;
use serde_json::{Map, Value, json};
use std::{fmt::Write as _, fs};

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) counts: Counts,
    pub(crate) allocations: Counts,
    pub(crate) start: Vec<Start>,
    pub(crate) generation: Map<String, Value>,
    pub(crate) plugins: Vec<WithPlugins>,
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
        text +=
            "\na request to a service with shipped plugins, instructions above none of them\n\n";
        for (with, above) in self.of_plugins() {
            _ = writeln!(text, "{:<32}{above:>10.0}  {}", with.name, with.does);
        }
        _ = write!(text, "\npoints, instructions (allocations)\n\n{:<16}", "");
        for count in HANDLERS {
            _ = write!(text, "{count:>16}");
        }
        text.push('\n');
        for point in POINTS {
            self.row(&mut text, point, &format!("points/{point}"), &HANDLERS);
        }
        text += "\nstart: exec to the first 200 (of orders: to 200 of `/readyz`), memory then, size of the file\n\n";
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

    /// What plugins cost a request.
    pub(crate) fn of_plugins(&self) -> impl Iterator<Item = (&WithPlugins, f64)> {
        self.plugins.iter().filter_map(|with| {
            let above = above_none(&self.counts, &with.subject().name)?;
            Some((with, above))
        })
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
}
