//! `cargo xtask bless`: rewrites what tests and `tidy` compare with.

use crate::{errors, process};

/// Rewrites `docs/errors.md` and the `.stderr` files of the UI tests.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    errors::command(&[])?;
    let mut cargo = process::cargo("test --package chassis-macros --all-features --tests");
    // trybuild looks at the first variable, our own tests with a recorded output at the second.
    cargo
        .env("TRYBUILD", "overwrite")
        .env("BLESS", "1")
        .args(arguments);
    process::loudly(&mut cargo)?;
    println!("\nread the difference before you commit it: git diff");
    Ok(())
}
