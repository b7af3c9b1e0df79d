//! The tables in README.md.

use super::{report::Found, start::ORDERS};
use chassis::{Context as _, Result};
use std::{fmt::Write as _, fs, path::PathBuf, process::Command};

const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";

impl Found {
    /// The table in README.md, between its two marks.
    pub(crate) fn write_readme(&self) -> Result<()> {
        let file = file();
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
        text += &self.plugins();
        text += &self.starts();
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
    fn plugins(&self) -> String {
        let mut text = String::from(
            "\n| Plugin | instructions for each request | what happens |\n|---|---:|---|\n",
        );
        for (with, above) in self.of_plugins() {
            let names: Vec<String> = with
                .plugins
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            let names = match &*names {
                [name] => name,
                _ => "all of them",
            };
            _ = writeln!(text, "| {names} | {} | {} |", thousands(above), with.does);
        }
        text
    }

    fn starts(&self) -> String {
        let mut text = String::from("\n| From exec to the first 200 | ms |\n|---|---:|\n");
        for start in &self.start {
            let what = match start.program {
                ORDERS => "`examples/orders` with all its plugins, `GET /readyz`",
                "hello_hyper" => "`GET /` of hyper",
                "hello_axum" => "of axum",
                "hello_chassis" => "of the chassis",
                "start_100" => "of the chassis with 100 plugins",
                "start_1000" => "with 1,000 plugins",
                _ => continue,
            };
            _ = writeln!(text, "| {what} | {:.1} |", start.median_ms);
        }
        text
    }
}

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))
}

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
    use super::*;
    use crate::{
        plugins::{BEGIN as BEGIN_OF_PLUGINS, above_none},
        record::Record,
    };

    #[test]
    fn thousands_are_separated() {
        let texts = [0.0, 999.4, 1_000.0, 12_345.6, 1_234_567.0].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "12,346", "1,234,567"]);
    }

    /// Both are written at one time; nobody should mend one of them by hand.
    #[test]
    fn the_readme_says_what_is_on_record() {
        let counts = Record::read().unwrap().instructions;
        let readme = fs::read_to_string(file()).unwrap();
        let of_plugins = counts
            .keys()
            .filter(|name| name.starts_with(BEGIN_OF_PLUGINS));
        let above: Vec<f64> = of_plugins
            .filter_map(|name| above_none(&counts, name))
            .collect();
        assert!(!above.is_empty());
        for above in above {
            let cell = format!(" | {} | ", thousands(above));
            assert!(readme.contains(&cell), "README.md has no {cell}");
        }
    }
}
