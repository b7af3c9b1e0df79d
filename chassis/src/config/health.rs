//! `health`: how checks are asked, and what is asked for together.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units;
use crate::health::check_group;

/// `health`: how health checks are asked, and which of them are asked for together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HealthSettings {
    /// How long after its last answer a check is asked again, and up to a tenth longer, unless it says so itself; `0s`
    /// never asks. Default: `10s`.
    #[serde(with = "units::Time")]
    pub interval: Duration,
    /// How long an answer may take, unless the check says so itself. Default: `5s`.
    #[serde(with = "units::Time")]
    pub deadline: Duration,
    /// How many failures in a row call a check down that was not; the first answer counts at once. Default: 3.
    pub failure_threshold: NonZeroU32,
    /// How many other answers in a row call it up again. Default: 1.
    pub success_threshold: NonZeroU32,
    /// What `GET /health/{group}` asks for: a list of plugins, and of checks as `plugin/check`. Default: none.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Single checks, by `plugin/check`: over what their authors say. Default: none.
    pub checks: BTreeMap<String, CheckSettings>,
}

/// One check: what is left open is as its author says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CheckSettings {
    /// How long after its last answer it is asked again; `0s` never asks.
    #[serde(with = "units::Time", skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    /// How long an answer may take.
    #[serde(with = "units::Time", skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
    /// How many failures in a row call it down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<NonZeroU32>,
    /// How many other answers in a row call it up again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_threshold: Option<NonZeroU32>,
    /// Whether the service is not ready while it is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<bool>,
}

impl HealthSettings {
    /// What types can't say: told with the path, and what to do.
    pub(super) fn validate(&self, refuse: &mut dyn FnMut(&str, &str, &str)) {
        for group in self.groups.keys() {
            if let Err(why) = check_group(group) {
                let path = super::path::show(["health", "groups", &**group]);
                refuse(&path, &why, "give the group another name");
            }
        }
        let deadlines = self.checks.iter().filter_map(|(id, check)| {
            let path = super::path::show(["health", "checks", &**id, "deadline"]);
            Some((path, check.deadline?))
        });
        let all = deadlines.chain([("health.deadline".to_owned(), self.deadline)]);
        for (path, _) in all.filter(|(_, deadline)| deadline.is_zero()) {
            refuse(
                &path,
                "no time at all: no check could answer",
                "write a longer time; `interval: 0s` is what never asks",
            );
        }
    }
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            deadline: Duration::from_secs(5),
            failure_threshold: const { NonZeroU32::new(3).unwrap() },
            success_threshold: NonZeroU32::MIN,
            groups: BTreeMap::new(),
            checks: BTreeMap::new(),
        }
    }
}
