//! The rules that look at one file at a time, or at which files there are.

use std::{collections::BTreeSet, env, fs, path::Path};

use super::{File, Finding, mask};
use crate::errors;

/// A file that is longer holds two nouns.
const MAX_LINES: usize = 500;

/// What `MAX_LINES` is asked of: what people write, not what tools record.
const WRITTEN: &[&str] = &["rs", "sh", "py", "js", "css", "html", "sql", "proto", "wit"];

/// Every rule but that of the module order.
pub(super) fn check(root: &Path, files: &[File]) -> Vec<Finding> {
    let machine = machine_paths(root);
    let mut findings = unsafe_code(files);
    findings.extend(plugin_readmes(files));
    findings.extend(error_page(root, files));
    for file in files {
        findings.extend(begins_with_docs(file));
        findings.extend(is_short(file));
        findings.extend(names_no_machine(file, &machine));
        findings.extend(is_released(file));
    }
    findings
}

fn begins_with_docs(file: &File) -> Option<Finding> {
    let wanted = file.extension() == "rs" && !file.is_test_data() && !file.text.starts_with("//!");
    wanted.then(|| {
        Finding::new(
            &file.path,
            1,
            "begin the file with a `//!` line that says what it is",
        )
    })
}

fn is_short(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (WRITTEN.contains(&file.extension()) && lines > MAX_LINES).then(|| {
        let message = format!(
            "{lines} lines are more than {MAX_LINES}; give its second noun a file of its own"
        );
        Finding::new(&file.path, MAX_LINES + 1, message)
    })
}

/// `unsafe` is allowed in one place of the workspace, and forbidden in every other crate.
fn unsafe_code(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut exempt: Option<&str> = None;
    let rust = files
        .iter()
        .filter(|file| file.extension() == "rs" && !file.is_test_data());
    for file in rust.clone() {
        let code = mask::code(&file.text);
        for (at, _) in code.match_indices("(unsafe_code") {
            if !code[..at].ends_with("allow") && !code[..at].ends_with("expect") {
                continue;
            }
            if let Some(first) = exempt {
                let message = format!(
                    "a second place that allows unsafe code; the only one is in the crate `{first}`"
                );
                findings.push(Finding::new(&file.path, mask::line(&code, at), message));
            }
            exempt = exempt.or(Some(crate_of(&file.path)));
        }
    }
    for file in
        rust.filter(|file| file.path.ends_with("/lib.rs") || file.path.ends_with("/main.rs"))
    {
        if exempt != Some(crate_of(&file.path))
            && !mask::code(&file.text).contains("#![forbid(unsafe_code")
        {
            findings.push(Finding::new(
                &file.path,
                1,
                "write `#![forbid(unsafe_code)]` below the docs of the crate",
            ));
        }
    }
    findings
}

/// The folder of the crate: `plugins/chassis-audit` of `plugins/chassis-audit/src/lib.rs`.
fn crate_of(path: &str) -> &str {
    ["/src/", "/tests/", "/benches/", "/examples/"]
        .iter()
        .filter_map(|folder| path.find(folder))
        .min()
        .map_or(path, |end| &path[..end])
}

/// Paths that exist on one machine only: the checkout, what lies beside it, the home and temporary folders.
fn machine_paths(root: &Path) -> Vec<String> {
    let mut paths = BTreeSet::from([root.to_path_buf(), env::temp_dir()]);
    paths.extend(env::home_dir());
    if let Some(parent) = root.parent().filter(|parent| parent.parent().is_some()) {
        paths.extend(
            fs::read_dir(parent)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path()),
        );
    }
    let texts = paths
        .iter()
        .map(|path| path.to_string_lossy().trim_end_matches('/').to_owned());
    texts.filter(|path| path.len() > 1).collect()
}

fn names_no_machine(file: &File, machine: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let named = machine.iter().find(|path| {
            line.match_indices(path.as_str()).any(|(at, _)| {
                let (before, after) = (
                    line[..at].bytes().next_back(),
                    line[at + path.len()..].bytes().next(),
                );
                let ends = !after.is_some_and(|byte| mask::is_word(byte) || byte == b'-');
                ends && !before.is_some_and(|byte| mask::is_word(byte) || b"./~}".contains(&byte))
            })
        });
        if let Some(path) = named {
            let message =
                format!("`{path}` is a path of one machine; write one that is right everywhere");
            findings.push(Finding::new(&file.path, index + 1, message));
        }
    }
    findings
}

/// Release candidates look newest to every tool, and break with the next one.
fn is_released(file: &File) -> Vec<Finding> {
    if file.path != "Cargo.lock" {
        return Vec::new();
    }
    let versions = file.text.lines().enumerate().filter_map(|(index, line)| {
        let version = line.strip_prefix("version = \"")?.strip_suffix('"')?;
        let release = version.split('+').next()?;
        release.contains('-').then(|| {
            let message =
                format!("{version} is a pre-release; ask for the last release in Cargo.toml");
            Finding::new(&file.path, index + 1, message)
        })
    });
    versions.collect()
}

fn plugin_readmes(files: &[File]) -> Vec<Finding> {
    let folders: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| {
            file.path
                .strip_prefix("plugins/")?
                .split_once('/')
                .map(|(folder, _)| folder)
        })
        .collect();
    let path = |folder: &str| format!("plugins/{folder}/README.md");
    let missing = folders
        .into_iter()
        .map(path)
        .filter(|path| !files.iter().any(|file| file.path == *path));
    missing
        .map(|path| {
            Finding::new(
                &path,
                1,
                "write it: what the plugin does, and a table of its settings",
            )
        })
        .collect()
}

fn error_page(root: &Path, files: &[File]) -> Option<Finding> {
    let expected = match errors::page(root) {
        Ok(expected) => expected,
        Err(message) => return Some(Finding::new(errors::PAGE, 1, message)),
    };
    let text = files
        .iter()
        .find(|file| file.path == errors::PAGE)
        .map_or("", |file| &file.text);
    let same = text
        .lines()
        .zip(expected.lines())
        .take_while(|(old, new)| old == new)
        .count();
    (text != expected).then(|| {
        Finding::new(
            errors::PAGE,
            same + 1,
            "differs from chassis/src/error/code.rs; run `cargo xtask errors`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> File {
        File {
            path: path.to_owned(),
            text: text.into(),
        }
    }

    fn places(findings: &[Finding]) -> Vec<String> {
        findings
            .iter()
            .map(|finding| format!("{}:{}", finding.path, finding.line))
            .collect()
    }

    #[test]
    fn files_begin_with_docs() {
        assert!(begins_with_docs(&file("a/src/b.rs", "use c;")).is_some());
        assert!(begins_with_docs(&file("a/src/b.rs", "//! B.\nuse c;")).is_none());
        assert!(begins_with_docs(&file("a/tests/ui/b.rs", "use c;")).is_none());
        assert!(begins_with_docs(&file("a/b.toml", "[c]")).is_none());
    }

    #[test]
    fn files_are_short() {
        assert!(is_short(&file("a.rs", "\n".repeat(500))).is_none());
        assert_eq!(is_short(&file("a.rs", "\n".repeat(501))).unwrap().line, 501);
        assert!(is_short(&file("Cargo.lock", "\n".repeat(501))).is_none());
    }

    #[test]
    fn unsafe_code_has_one_place() {
        let forbids = "//! A.\n#![forbid(unsafe_code)]";
        let allows = "//! P.\n\n#[allow(unsafe_code, reason = \"..\")]\nfn f() {}";
        let mut files = vec![
            file("core/src/lib.rs", "//! C."),
            file("core/src/points.rs", allows),
            file("plugins/a/src/lib.rs", forbids),
        ];
        assert_eq!(unsafe_code(&files), []);
        files.push(file("plugins/a/src/more.rs", allows));
        files.push(file(
            "plugins/b/src/lib.rs",
            "//! Says #![forbid(unsafe_code)] only here.",
        ));
        assert_eq!(
            places(&unsafe_code(&files)),
            ["plugins/a/src/more.rs:3", "plugins/b/src/lib.rs:1"]
        );
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        let machine = ["/homes/ada/checkout".to_owned()];
        let found = |line: &str| !names_no_machine(&file("a.md", line), &machine).is_empty();
        assert!(found("see /homes/ada/checkout/b.md"));
        assert!(found("`/homes/ada/checkout`"));
        assert!(!found("/homes/ada/checkouts"));
        assert!(!found("/var/homes/ada/checkout-2"));
        assert!(!found("{root}/homes/ada/checkout"));
    }

    #[test]
    fn pre_releases_are_found() {
        let lock = "version = 4\n\nversion = \"1.0.0\"\nversion = \"2.0.0-rc.1\"\nversion = \"0.11.1+wasi-preview1\"\n";
        assert_eq!(
            places(&is_released(&file("Cargo.lock", lock))),
            ["Cargo.lock:4"]
        );
    }

    #[test]
    fn plugins_have_a_readme() {
        let files = [
            file("plugins/a/README.md", ""),
            file("plugins/a/src/lib.rs", ""),
            file("plugins/b/Cargo.toml", ""),
        ];
        assert_eq!(places(&plugin_readmes(&files)), ["plugins/b/README.md:1"]);
    }
}
