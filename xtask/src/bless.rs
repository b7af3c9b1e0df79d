//! `cargo xtask bless`: rewrites what tests and `tidy` compare with.

use crate::{errors, process};

/// The tests with a recorded output, as arguments of cargo.
const RECORDED: &[&str] = &[
    "test --package chassis-macros --all-features --tests",
    "test --package chassis-tests --all-features --test it broken::each",
];

/// Rewrites `docs/errors.md`, the `.stderr` files of the UI tests, and what is told of broken configurations.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    errors::command(&[])?;
    for tests in RECORDED {
        let mut cargo = process::cargo(tests);
        // trybuild looks at the first variable, our own tests with a recorded output at the second.
        cargo
            .env("TRYBUILD", "overwrite")
            .env("BLESS", "1")
            .args(arguments);
        process::loudly(&mut cargo)?;
    }
    println!("\nread the difference before you commit it: git diff");
    Ok(())
}
