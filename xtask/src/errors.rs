//! `cargo xtask errors`: writes `docs/errors.md` from the list of codes in `chassis/src/error/code.rs`.

use std::{fmt::Write as _, fs, path::Path};

use crate::process;

/// The Markdown file, seen from the root of the repository.
pub(crate) const PAGE: &str = "docs/errors.md";

const SOURCE: &str = "chassis/src/error/code.rs";

/// One entry of `codes! {}`.
#[derive(Debug, PartialEq)]
struct Entry {
    constant: String,
    name: String,
    status: u16,
    meaning: String,
}

/// Rewrites the page.
pub(crate) fn command(_: &[String]) -> Result<(), String> {
    let root = process::root();
    let text = page(&root)?;
    let path = root.join(PAGE);
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(root.join("docs"))
        .and_then(|()| fs::write(&path, text))
        .map_err(|error| format!("{PAGE} can't be written: {error}"))?;
    println!("{PAGE} is rewritten");
    Ok(())
}

/// What the page should be.
pub(crate) fn page(root: &Path) -> Result<String, String> {
    let source = fs::read_to_string(root.join(SOURCE))
        .map_err(|error| format!("{SOURCE} can't be read: {error}"))?;
    let mut text = String::from(
        "# Error codes\n\n\
         Every error of `chassis` has a code. It never changes, and it is the only thing that a program should look at: \
         an HTTP client finds it as `code` in the `application/problem+json` body, a test as `error.code().name()`. \
         Plugins and services add their own; by habit those begin with the name of the plugin.\n\n\
         <!-- Written by `cargo xtask errors` from chassis/src/error/code.rs: change it there. -->\n\n\
         | Code | Constant | HTTP status | Meaning |\n|---|---|---|---|\n",
    );
    for Entry {
        constant,
        name,
        status,
        meaning,
    } in parse(&source)?
    {
        // A bar would end the cell.
        let meaning = meaning.replace('|', "\\|");
        _ = writeln!(
            text,
            "| `{name}` | `code::{constant}` | {status} | {meaning} |"
        );
    }
    Ok(text)
}

/// The entries of `codes! {}`: doc lines, then `CONST = "name", status;`.
fn parse(source: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut meaning: Vec<&str> = Vec::new();
    let mut inside = false;
    for (index, line) in source.lines().enumerate() {
        let line = line.trim();
        match line {
            "codes! {" => inside = true,
            "}" if inside => return Ok(entries),
            _ if !inside || line.is_empty() => {}
            _ => {
                if let Some(doc) = line.strip_prefix("///") {
                    meaning.push(doc.trim());
                    continue;
                }
                let (constant, name, status) = entry(line).ok_or_else(|| {
                    format!(
                        "{SOURCE}:{}: write `NAME = \"some.code\", 422;` on one line",
                        index + 1
                    )
                })?;
                entries.push(Entry {
                    constant,
                    name,
                    status,
                    meaning: meaning.join(" "),
                });
                meaning.clear();
            }
        }
    }
    Err(format!(
        "{SOURCE}: there is no `codes! {{` .. `}}`; does the list look different now? then mend xtask/src/errors.rs"
    ))
}

/// `CONST = "name", status;`
fn entry(line: &str) -> Option<(String, String, u16)> {
    let (constant, value) = line.split_once('=')?;
    let (name, status) = value.strip_suffix(';')?.split_once(',')?;
    let name = name.trim().strip_prefix('"')?.strip_suffix('"')?;
    let status = status.trim().parse().ok()?;
    Some((constant.trim().to_owned(), name.to_owned(), status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_the_macro_call_only() {
        let source = r#"
            macro_rules! codes { () => {}; }
            codes! {
                /// It is
                /// broken.
                BROKEN = "broken", 500;

                /// Gone.
                GONE = "order.gone", 410;
            }
            const OTHER: &str = "other";
        "#;
        let entry = |constant: &str, name: &str, status, meaning: &str| Entry {
            constant: constant.to_owned(),
            name: name.to_owned(),
            status,
            meaning: meaning.to_owned(),
        };
        let expected = [
            entry("BROKEN", "broken", 500, "It is broken."),
            entry("GONE", "order.gone", 410, "Gone."),
        ];
        assert_eq!(parse(source).unwrap(), expected);
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let message = parse("codes! {\n    BROKEN = 500;\n}\n").unwrap_err();
        assert!(
            message.starts_with("chassis/src/error/code.rs:2: write"),
            "{message}"
        );
    }

    #[test]
    fn a_list_that_is_not_there_is_an_error() {
        assert!(
            parse("const A: u8 = 1;")
                .unwrap_err()
                .contains("there is no `codes! {`")
        );
    }

    #[test]
    fn the_list_of_the_chassis_is_understood() {
        let page = page(&process::root()).unwrap();
        assert!(
            page.contains("\n| `internal` | `code::INTERNAL` | 500 | Something failed "),
            "{page}"
        );
    }
}
