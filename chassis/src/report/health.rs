//! What is told of health: every check, and what all of them come to.

use super::known::Known;
use crate::{
    error::{Error, Result, code},
    health::{Check, HealthState},
    instance::{Record, not_alive, told},
    reload::Reloader,
    status::PluginState,
    text,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// How something is that has several checks: the service, a group, a plugin.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct HealthReport {
    /// What all of it comes to.
    pub state: HealthState,
    /// Whether it works: `up` or `degraded`.
    pub healthy: bool,
    /// The same in a word: `healthy`, `degraded`, `unhealthy`.
    #[schemars(extend("enum" = ["healthy", "degraded", "unhealthy"]))]
    pub status: &'static str,
    /// Why, unless all is well: the worst first.
    pub reason: Option<String>,
    /// The checks, in plugin order.
    pub checks: Vec<CheckReport>,
}

/// How a check is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CheckReport {
    /// What it is called in the service: `plugin/check`.
    pub name: String,
    /// Whose it is.
    pub plugin: Arc<str>,
    /// Its state, by the thresholds.
    pub state: HealthState,
    /// Whether it works: `up` or `degraded`.
    pub healthy: bool,
    /// What it said last beside its state.
    pub message: Option<String>,
    /// The details that it gave last.
    pub details: Map<String, Value>,
    /// Whether the service is not ready while it is down.
    pub critical: bool,
    /// Whether the process is to be restarted while it is down.
    pub liveness: bool,
    /// How long ago it answered, in milliseconds; none if it has not.
    pub age_ms: Option<u64>,
    /// How long the answer took, in milliseconds.
    pub took_ms: Option<f64>,
    /// When it came into its state, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    pub since: SystemTime,
    /// How often in a row it has failed; so often that it counts, it is down.
    pub consecutive_failures: u32,
    /// How long after an answer it is asked again, in milliseconds.
    pub interval_ms: u64,
    /// How long an answer may take, in milliseconds.
    pub deadline_ms: u64,
}

/// A yes or a no, for who decides by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Probe {
    /// The answer.
    pub healthy: bool,
    /// The same in a word: `healthy`, `unhealthy`.
    #[schemars(extend("enum" = ["healthy", "unhealthy"]))]
    pub status: &'static str,
    /// Why not.
    pub reason: Option<String>,
}

impl Probe {
    fn new(not: Option<String>) -> Self {
        Self {
            healthy: not.is_none(),
            status: word(match not {
                None => HealthState::Up,
                Some(_) => HealthState::Down,
            }),
            reason: not,
        }
    }

    pub(crate) fn live(reloader: &Reloader) -> Self {
        Self::new(not_alive(&Known::of(reloader).records))
    }

    pub(crate) fn ready(reloader: &Reloader) -> Self {
        Self::new(reloader.not_ready())
    }

    pub(crate) fn startup(reloader: &Reloader) -> Self {
        let has_not = reloader.generations().is_empty();
        Self::new(has_not.then(|| "no generation has served yet".to_owned()))
    }
}

fn word(state: HealthState) -> &'static str {
    match state {
        HealthState::Up => "healthy",
        HealthState::Degraded => "degraded",
        HealthState::Down | HealthState::Unknown => "unhealthy",
    }
}

impl HealthReport {
    fn new(mut wrong: Vec<(HealthState, String)>, checks: &[&Arc<Check>]) -> Self {
        wrong.sort_by_key(|(state, _)| std::cmp::Reverse(rank(*state)));
        let state = wrong.first().map_or(HealthState::Up, |(state, _)| *state);
        let why: Vec<String> = wrong.into_iter().map(|(_, why)| why).collect();
        Self {
            state,
            healthy: state.is_healthy(),
            status: word(state),
            reason: (!why.is_empty()).then(|| why.join("; ")),
            checks: checks.iter().map(|check| CheckReport::of(check)).collect(),
        }
    }

    /// The whole service: `down` if a required plugin does not run or a critical check is down or has fallen silent, `degraded` if another
    /// plugin has failed or a check is not well. Who has not answered yet is no reason for anything.
    pub(crate) fn of_service(reloader: &Reloader) -> Self {
        let known = Known::of(reloader);
        let records = in_order(&known);
        let missed = records.iter().filter(|record| record.is_missed());
        let missed = missed.map(|record| {
            let state = match record.is_required() {
                true => HealthState::Down,
                false => HealthState::Degraded,
            };
            (state, record.why_missed())
        });
        let checks: Vec<&Arc<Check>> = records.iter().flat_map(|record| record.checks()).collect();
        let not_well = checks.iter().filter_map(|check| {
            let state = match check.state() {
                HealthState::Up => return None,
                HealthState::Unknown if !check.has_answered() => return None,
                HealthState::Down | HealthState::Unknown if check.controls().critical => {
                    HealthState::Down
                }
                _ => HealthState::Degraded,
            };
            Some((state, told(check)))
        });
        Self::new(missed.chain(not_well).collect(), &checks)
    }

    /// One plugin: the worst of its checks, `down` if it should run and does not.
    pub(crate) fn of_plugin(reloader: &Reloader, name: &str) -> Result<Self> {
        let known = Known::of(reloader);
        let record = Arc::clone(&known.records[known.find(name)?]);
        Ok(Self::of_members(&[Member::Plugin(&record)]))
    }

    /// A group: the worst of its members, all of which count.
    pub(crate) fn of_group(reloader: &Reloader, name: &str) -> Result<Self> {
        let lease = reloader.serving()?;
        let records = &lease.0.records;
        let groups = &lease.0.config.settings().health.groups;
        let mut members = Vec::new();
        for member in groups.get(name).into_iter().flatten() {
            let plugin = member.split('/').next().unwrap_or_default();
            let mut named = records.iter().filter(|record| *record.name == *plugin);
            // Who is switched off is not missed.
            let Some(record) = named.find(|record| record.state() != PluginState::Disabled) else {
                continue;
            };
            let checks = || record.all_checks().iter();
            match member.split_once('/') {
                None => members.push(Member::Plugin(record)),
                Some((_, wanted)) => match checks().find(|check| *check.name == *wanted) {
                    Some(check) => members.push(Member::Check(record, check)),
                    // Its plugin was never built.
                    None => members.push(Member::Plugin(record)),
                },
            }
        }
        let all = records
            .iter()
            .flat_map(|record| record.all_checks().iter().map(move |check| (record, check)));
        let by_author = all.filter(|(_, check)| check.groups.iter().any(|group| **group == *name));
        members.extend(by_author.map(|(record, check)| Member::Check(record, check)));
        if members.is_empty() && !groups.contains_key(name) {
            let authors = records
                .iter()
                .flat_map(|record| record.all_checks())
                .flat_map(|check| &check.groups);
            let near = text::did_you_mean(
                name,
                groups
                    .keys()
                    .map(String::as_str)
                    .chain(authors.map(|group| &**group)),
            );
            let message = format!("there is no group of health checks `{name}`");
            return Err(
                Error::new(code::NOT_FOUND, message).with_help(near.unwrap_or_else(|| {
                    "groups are made in the configuration: `health: {groups: {..}}`".to_owned()
                })),
            );
        }
        Ok(Self::of_members(&members))
    }

    fn of_members(members: &[Member<'_>]) -> Self {
        let mut wrong = Vec::new();
        // One that is named twice is one.
        let mut checks: BTreeMap<String, &Arc<Check>> = BTreeMap::new();
        for member in members {
            let (Member::Plugin(record) | Member::Check(record, _)) = member;
            let state = record.state();
            if !state.is_alive() {
                let is = match state {
                    PluginState::Failed | PluginState::Blocked | PluginState::Suspended => {
                        HealthState::Down
                    }
                    _ => HealthState::Unknown,
                };
                let told = (is, record.why_missed());
                if !wrong.contains(&told) {
                    wrong.push(told);
                }
                continue;
            }
            match member {
                Member::Plugin(record) => {
                    checks.extend(record.checks().map(|check| (check.id(), check)));
                }
                Member::Check(_, check) if check.is_off() => {}
                Member::Check(_, check) => _ = checks.insert(check.id(), check),
            }
        }
        let checks: Vec<&Arc<Check>> = checks.into_values().collect();
        let not_well = checks.iter().filter_map(|check| {
            let state = check.state();
            (state != HealthState::Up).then(|| (state, told(check)))
        });
        wrong.extend(not_well);
        Self::new(wrong, &checks)
    }
}

/// What a group is made of.
enum Member<'a> {
    Plugin(&'a Arc<Record>),
    Check(&'a Arc<Record>, &'a Arc<Check>),
}

fn rank(state: HealthState) -> u8 {
    state as u8
}

fn in_order(known: &Known) -> Vec<Arc<Record>> {
    let mut places: Vec<(Option<usize>, &Arc<Record>)> = known
        .records
        .iter()
        .enumerate()
        .map(|(index, record)| (known.place(index), record))
        .collect();
    places.sort_by_key(|(place, record)| (place.is_none(), *place, Arc::clone(&record.name)));
    places
        .into_iter()
        .map(|(_, record)| Arc::clone(record))
        .collect()
}

impl CheckReport {
    fn of(check: &Check) -> Self {
        let seen = check.seen();
        let controls = check.controls();
        Self {
            name: check.id(),
            plugin: Arc::clone(&check.plugin),
            state: seen.state,
            healthy: seen.state.is_healthy(),
            message: seen.message,
            details: seen.details,
            critical: controls.critical,
            liveness: controls.liveness,
            age_ms: seen.age.map(millis),
            took_ms: seen
                .took
                .map(|took| (took.as_secs_f64() * 1_000_000.0).round() / 1_000.0),
            since: seen.since,
            consecutive_failures: seen.failures,
            interval_ms: millis(controls.interval),
            deadline_ms: millis(controls.deadline),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
