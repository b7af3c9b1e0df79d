//! How a check wants to be asked: what its author says, over what the configuration says of all checks.

use super::group::check_group;
use crate::error::{Error, Result, code};
use std::{sync::Arc, time::Duration};

/// What the author of a check says of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) name: Arc<str>,
    pub(crate) interval: Option<Duration>,
    pub(crate) failures: Option<u32>,
    pub(crate) successes: Option<u32>,
    pub(crate) critical: bool,
    pub(crate) liveness: bool,
    pub(crate) groups: Vec<Arc<str>>,
}

impl Wish {
    /// What is wrong with its names.
    pub(crate) fn check(&self) -> Result<()> {
        if !is_name(&self.name) {
            let message = format!("`{}` is not the name of a health check", self.name);
            return Err(Error::new(code::BAD_HEALTH, message)
                .with_help("write up to 64 letters, digits, `-` and `_`: `database`"));
        }
        self.groups
            .iter()
            .try_for_each(|group| check_group(group).map_err(|why| bad_group(group, &why)))
    }
}

fn bad_group(group: &str, why: &str) -> Error {
    let message = format!("`{group}` is not the name of a group of health checks: {why}");
    Error::new(code::BAD_HEALTH, message).with_help("choose another")
}

/// What checks and groups may be called: it stands in a path.
pub(super) fn is_name(name: &str) -> bool {
    let may_be_in_it = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(may_be_in_it)
}

/// How a check is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Controls {
    /// From the end of one run to the begin of the next; zero: it is never asked.
    pub(crate) interval: Duration,
    pub(crate) deadline: Duration,
    /// How many failures in a row it takes to call down what was not.
    pub(crate) failures: u32,
    /// How many answers other than a failure in a row it takes to call up again what was down.
    pub(crate) successes: u32,
    /// Whether the service can't do without.
    pub(crate) critical: bool,
    /// Whether the process is to be restarted when it is down.
    pub(crate) liveness: bool,
}
