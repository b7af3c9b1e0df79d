//! `cargo xtask settings`: writes `config.yaml`, and the tables of settings in the README of each plugin, from the schemas
//! of what is linked. Tests compare them.

use std::{fs, path::Path};

use crate::process;

/// Between these lines stands the table of a README.
const BEGIN: &str = "<!-- settings: written by `cargo xtask settings` -->\n";
const END: &str = "<!-- /settings -->";

/// Rewrites all of them.
pub(crate) fn command(_: &[String]) -> Result<(), String> {
    let root = process::root();
    let defaults = run("-p orders -- config --defaults")?;
    write(&root.join("config.yaml"), &defaults)?;
    let mut tables = run("-p chassis-tests --bin everything -- config --markdown")?;
    tables.push_str(&run("-p chassis-tests --bin guarded -- config --markdown")?);
    for section in tables.split("## ").skip(1) {
        let (title, table) = section.split_once('\n').unwrap_or_default();
        let plugin = title.trim_matches('`').strip_prefix("plugins.");
        let Some(plugin) = plugin.and_then(|title| title.strip_suffix(".config")) else {
            continue;
        };
        let path = root.join(format!("plugins/chassis-{plugin}/README.md"));
        let readme = fs::read_to_string(&path)
            .map_err(|error| format!("{} can't be read: {error}", path.display()))?;
        let (Some(begin), Some(end)) = (readme.find(BEGIN), readme.find(END)) else {
            return Err(format!(
                "{} has no place for the table: {BEGIN}{END}",
                path.display()
            ));
        };
        let text = format!(
            "{}{}{}",
            &readme[..begin + BEGIN.len()],
            table.trim_start(),
            &readme[end..]
        );
        write(&path, &text)?;
    }
    Ok(())
}

/// What a program of this repository says.
pub(crate) fn run(what: &str) -> Result<String, String> {
    let mut cargo = process::cargo("run --quiet");
    cargo.args(what.split_whitespace());
    process::said(&mut cargo)
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text)
        .map_err(|error| format!("{} can't be written: {error}", path.display()))?;
    println!("{} is rewritten", path.display());
    Ok(())
}
