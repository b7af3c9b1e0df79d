//! The health checks of instances, and what they come to.

use super::{Record, Status};
use crate::{
    health::{Check, HealthState, Seen},
    status::PluginState,
};
use std::{sync::Arc, time::SystemTime};

impl Record {
    /// Says which checks it has; they are known once.
    pub(crate) fn set_checks(&self, checks: Vec<Arc<Check>>) {
        _ = self.checks.set(checks);
    }

    /// All its checks, also those that nobody asks.
    pub(crate) fn all_checks(&self) -> &[Arc<Check>] {
        self.checks.get().map_or(&[], Vec::as_slice)
    }

    /// Those that are asked: none unless it runs.
    pub(crate) fn checks(&self) -> impl Iterator<Item = &Arc<Check>> {
        let is_alive = self.state().is_alive();
        self.asked().filter(move |_| is_alive)
    }

    fn asked(&self) -> impl Iterator<Item = &Arc<Check>> {
        self.all_checks().iter().filter(|check| !check.is_off())
    }

    /// Whether it is, or was, more than a name.
    pub(crate) fn is_built(&self) -> bool {
        self.checks.get().is_some()
    }

    /// The worst that its checks say; none if it has none.
    pub(crate) fn health(&self) -> Option<HealthState> {
        self.checks()
            .map(|check| check.state())
            .reduce(HealthState::worse)
    }

    /// `degraded` while it blocks a thread, or a check of it is `down` or `degraded`, and else `running`; other states are not
    /// the business of checks.
    pub(crate) fn follow_checks(&self) {
        let mut status = self.lock();
        if !status.state.is_alive() {
            return;
        }
        let check = || self.asked().find_map(|check| wrong(check, &check.seen()));
        let wrong = self.ward.told().or_else(check);
        let next = match &wrong {
            Some(_) => PluginState::Degraded,
            None => PluginState::Running,
        };
        if status.state == next {
            status.reason = wrong;
            return;
        }
        tracing::debug!(plugin = %self.name, from = %status.state, to = %next, "state changed");
        *status = Status {
            state: next,
            since: SystemTime::now(),
            reason: wrong,
            ..status.clone()
        };
    }

    /// Whether the service does not do what it is there for without it, or does less.
    pub(crate) fn is_missed(&self) -> bool {
        let state = self.state();
        match self.is_required() {
            true => !state.is_alive() && state != PluginState::Disabled,
            false => matches!(
                state,
                PluginState::Failed | PluginState::Blocked | PluginState::Suspended
            ),
        }
    }

    /// Why it is missed, in words.
    pub(crate) fn why_missed(&self) -> String {
        let status = self.status();
        let why = status.reason.map(|reason| format!(": {reason}"));
        let required = if self.is_required() {
            " is required, and"
        } else {
            ""
        };
        let (name, state) = (&self.name, status.state);
        format!("`{name}`{required} is {state}{}", why.unwrap_or_default())
    }
}

fn wrong(check: &Check, seen: &Seen) -> Option<String> {
    matches!(seen.state, HealthState::Down | HealthState::Degraded).then(|| {
        let why = seen.message.as_ref().map(|why| format!(": {why}"));
        format!(
            "its check `{}` is {}{}",
            check.name,
            seen.state,
            why.unwrap_or_default()
        )
    })
}

/// How a check is, in words.
pub(crate) fn told(check: &Check) -> String {
    let seen = check.seen();
    let why = seen.message.map(|why| format!(": {why}"));
    format!(
        "`{}` is {}{}",
        check.id(),
        seen.state,
        why.unwrap_or_default()
    )
}

/// Why the process should be restarted: a check that is marked `liveness` is down.
pub(crate) fn not_alive(records: &[Arc<Record>]) -> Option<String> {
    let checks = records.iter().flat_map(|record| record.checks());
    let mut down =
        checks.filter(|check| check.controls().liveness && check.state() == HealthState::Down);
    down.next().map(|check| told(check))
}

/// Why requests should go elsewhere: a required plugin does not run, or a critical check is down, has fallen silent, or has
/// not answered yet.
pub(crate) fn not_ready(records: &[Arc<Record>]) -> Option<String> {
    let missed = records
        .iter()
        .find(|record| record.is_required() && record.is_missed());
    if let Some(missed) = missed {
        return Some(missed.why_missed());
    }
    let checks = records.iter().flat_map(|record| record.checks());
    let mut critical = checks.filter(|check| check.controls().critical && !check.is_well());
    critical.next().map(|check| told(check))
}
