//! Configurations that are wrong, each in a file of its own with what the program says of it: see
//! `tests/data/config/README.md`.

mod case;

use case::Case;
use std::{env, fmt::Write as _, fs, path::PathBuf};

/// Planted where a secret would stand.
const SECRET: &str = "hunter2";

#[tokio::test]
async fn each_is_told_as_its_file_says() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/config"));
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "test"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no test in {}", folder.display());

    let bless = env::var_os("BLESS").is_some();
    let mut report = String::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path).expect("a test is text");
        let mut case = match Case::parse(&text) {
            Ok(case) => case,
            Err(message) => {
                _ = writeln!(report, "{name}: {message}\n");
                continue;
            }
        };
        let said = case.run().await;
        if said.text.contains(SECRET) {
            // Never to be blessed.
            _ = writeln!(report, "{name} tells the secret:\n{}\n", said.text);
        } else if bless {
            case.expected = said;
            fs::write(&path, case.show()).expect("the test can be written");
        } else if case.expected != said {
            let difference = difference(&case.expected.show(), &said.show());
            _ = writeln!(report, "{name}:\n{difference}");
        }
    }
    assert!(
        report.is_empty(),
        "`-` is what the file says, `+` is what was said; `cargo xtask bless` rewrites the files\n\n{report}"
    );
}

/// The lines that differ, between those that do not.
fn difference(expected: &str, found: &str) -> String {
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let before = expected.iter().zip(&found).take_while(same).count();
    let (gone, come) = (&expected[before..], &found[before..]);
    let after = gone
        .iter()
        .rev()
        .zip(come.iter().rev())
        .take_while(same)
        .count();
    let (gone, rest) = gone.split_at(gone.len() - after);
    let come = &come[..come.len() - after];
    let marked = [
        (' ', &expected[..before]),
        ('-', gone),
        ('+', come),
        (' ', rest),
    ];
    let mut text = String::new();
    for (mark, lines) in marked {
        for line in lines {
            _ = writeln!(text, "{mark} {line}");
        }
    }
    text
}

#[test]
fn a_difference_can_be_read() {
    assert_eq!(
        difference("a\nb\nc\nd", "a\nx\ny\nd"),
        "  a\n- b\n- c\n+ x\n+ y\n  d\n"
    );
    assert_eq!(difference("a\na", "a\na\na"), "  a\n  a\n+ a\n");
    assert_eq!(difference("a\nb", ""), "- a\n- b\n");
}
