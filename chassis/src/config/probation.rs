//! `reload.probation`: how long what is new is watched after a reload, and what is too much.

use std::{num::NonZeroU32, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units;

/// `reload.probation`: for how long instances that a reload has built are watched, and what brings the configuration of before
/// back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ProbationSettings {
    /// Whether they are watched. One of them that passes a limit takes the reload back: the configuration of before serves
    /// again, and what the files say is not loaded until it changes. Default: false.
    pub enabled: bool,
    /// For how long, from the moment that they serve. Default: `30s`.
    #[serde(with = "units::Time")]
    pub r#for: Duration,
    /// How many panics of one instance are too many. Default: 5.
    pub panics: NonZeroU32,
    /// How many of its calls may fail, panics and time-outs included; as many are too many. Default: `50%`.
    #[serde(with = "units::Percent")]
    pub errors: u8,
    /// How many calls there have to be before `errors` counts. Default: 20.
    pub calls: NonZeroU32,
}

impl ProbationSettings {
    /// What types can't say.
    pub(super) fn validate(&self, refuse: &mut impl FnMut(&str, &str, &str)) {
        if self.r#for.is_zero() {
            refuse(
                "reload.probation.for",
                "no time at all: nothing would be watched",
                "write a longer time; `enabled: false` is what switches it off",
            );
        }
        if self.errors == 0 {
            refuse(
                "reload.probation.errors",
                "a plugin without a single error would fail",
                "write `1%` or more",
            );
        }
    }
}

impl Default for ProbationSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            r#for: Duration::from_secs(30),
            panics: const { NonZeroU32::new(5).unwrap() },
            errors: 50,
            calls: const { NonZeroU32::new(20).unwrap() },
        }
    }
}
