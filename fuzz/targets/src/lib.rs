//! What the fuzzer tries, and what must hold then: one function per target, through the public API alone.
//!
//! A crate of its own, so that stable Rust compiles it and runs it over the corpus with every test.
#![forbid(unsafe_code)]

use chassis::Error;

mod load;
mod interpolate;
mod environment;
mod trace;
mod bearer;

pub use bearer::bearer;
pub use environment::environment;
pub use interpolate::interpolate;
pub use load::load;
pub use trace::trace;

/// The name of the text that stands in for a file.
const FILE: &str = "config.yaml";

/// Part of what nobody may be told.
const CANARY: &str = "CANARY";

/// All that were found together.
fn each(error: &Error) -> impl Iterator<Item = &Error> {
    std::iter::once(error).chain(error.others())
}

/// Says what is wrong, in a message and in the report.
fn is_told(error: &Error) {
    for error in each(error) {
        assert!(!error.message().trim().is_empty(), "an error says nothing");
        assert!(error.report().contains(error.message()));
    }
}

/// JSON as YAML: it allows fewer characters to stand for themselves.
fn yaml(json: &str) -> String {
    let escaped = |c: char| match c {
        ' '..='~' => c.to_string(),
        _ => format!("\\U{:08X}", u32::from(c)),
    };
    json.chars().map(escaped).collect()
}

/// Whether a text may refer to a file: then what comes of it depends on the machine.
fn refers_to_a_file(text: &str) -> bool {
    text.contains("file:")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_corpus_of_load_holds() {
        corpus("load", load);
    }

    #[test]
    fn the_corpus_of_interpolate_holds() {
        corpus("interpolate", interpolate);
    }

    #[test]
    fn the_corpus_of_environment_holds() {
        corpus("environment", environment);
    }

    #[test]
    fn the_corpus_of_trace_holds() {
        corpus("trace", trace);
    }

    #[test]
    fn the_corpus_of_bearer_holds() {
        corpus("bearer", bearer);
    }

    fn corpus(target: &str, run: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
        let mut inputs = 0;
        for entry in fs::read_dir(folder.join(target)).unwrap() {
            let path = entry.unwrap().path();
            // Shown if it fails.
            println!("{}", path.display());
            run(&fs::read(path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0);
    }
}
