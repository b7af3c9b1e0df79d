//! `cargo xtask metrics`: writes `METRICS.md` from the table that the pages of `GET /metrics` are written from. A test compares
//! them.

use crate::{process, settings};

/// Rewrites the page.
pub(crate) fn command(_: &[String]) -> Result<(), String> {
    let page = settings::run("-p chassis-tests --bin metrics")?;
    settings::write(&process::root().join("METRICS.md"), &page)
}
