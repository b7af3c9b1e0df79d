//! Work without a network: middleware around a handler, requests that are observed, extension points, and reloads.

mod middleware;
mod observed;
mod points;
mod reloading;

pub use reloading::pages;

use chassis::{Error, Result};

/// What is called before and after the work itself, once everything is ready.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    /// Called before the first time.
    pub begin: fn(),
    /// Called after the last time.
    pub end: fn(),
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            begin: || {},
            end: || {},
        }
    }
}

/// Does the work of a subject so many times: `middleware/hooks/noop/10`, `points/filter-sync/5`.
///
/// # Errors
///
/// If there is no such subject, or it fails.
pub fn run(subject: &str, times: u64, meter: &Meter) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let unknown = || format!("there is no subject `{subject}`");
    runtime.block_on(async {
        match *subject.split('/').collect::<Vec<_>>() {
            ["middleware", form, does, count] => {
                let does = match does {
                    "noop" => middleware::Does::Nothing,
                    "header" => middleware::Does::WritesHeader,
                    _ => return Err(Error::msg(unknown())),
                };
                middleware::run(form, does, count.parse()?, times, meter).await
            }
            ["observed", what] => observed::run(what, times, meter).await,
            ["reload", plugins] => reloading::run(plugins.parse()?, times, meter).await,
            ["points", kind, count] => points::run(kind, count.parse()?, times, meter).await,
            _ => Err(Error::msg(unknown())),
        }
    })
}
