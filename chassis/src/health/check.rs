//! One check of one instance, and what it has said.

use super::{Controls, Health, HealthState, past::Past};
use serde_json::{Map, Value};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// A check of an instance, and what it has said. It lives as long as the record of the instance does.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) plugin: Arc<str>,
    /// Its name within the plugin.
    pub(crate) name: Arc<str>,
    /// The groups that its author puts it into.
    pub(crate) groups: Vec<Arc<str>>,
    controls: Mutex<Controls>,
    /// Woken when it is to be asked on other terms.
    renewed: Notify,
    past: Mutex<Past>,
    /// Cancelled with its first answer.
    answered: CancellationToken,
}

/// A check came into another state.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) from: HealthState,
    pub(crate) to: HealthState,
    pub(crate) message: Option<String>,
}

/// A check at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) state: HealthState,
    /// When it came into this state.
    pub(crate) since: SystemTime,
    pub(crate) message: Option<String>,
    pub(crate) details: Map<String, Value>,
    /// How old the last answer is; none if there is none.
    pub(crate) age: Option<Duration>,
    /// How long the last answer took.
    pub(crate) took: Option<Duration>,
    /// How often in a row it failed.
    pub(crate) failures: u32,
}

impl Check {
    pub(crate) fn new(
        plugin: Arc<str>,
        name: Arc<str>,
        groups: Vec<Arc<str>>,
        controls: Controls,
    ) -> Self {
        Self {
            plugin,
            name,
            groups,
            controls: Mutex::new(controls),
            renewed: Notify::new(),
            past: Mutex::new(Past::new()),
            answered: CancellationToken::new(),
        }
    }

    /// What it is called in the whole service.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.plugin, self.name)
    }

    /// On which terms it is asked.
    pub(crate) fn controls(&self) -> Controls {
        *self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it is asked on these terms; what it has said stays.
    pub(crate) fn set_controls(&self, controls: Controls) {
        let mut before = self.controls.lock().unwrap_or_else(PoisonError::into_inner);
        if *before != controls {
            *before = controls;
            self.renewed.notify_one();
        }
    }

    /// Waits until it may be due again: for so long, or until its terms change.
    pub(super) async fn rest(&self, pause: Duration) {
        _ = tokio::time::timeout(pause, self.renewed.notified()).await;
    }

    /// Waits until somebody asks it at all.
    pub(super) async fn until_on(&self) {
        while self.is_off() {
            self.renewed.notified().await;
        }
    }

    /// Whether nobody asks it.
    pub(crate) fn is_off(&self) -> bool {
        self.controls().interval.is_zero()
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is being asked.
    pub(super) fn asked(&self) {
        self.past().asked = Some(Instant::now());
    }

    /// It has answered.
    pub(super) fn answered(&self, health: Health) -> Option<Change> {
        let message = health.message().map(ToOwned::to_owned);
        let controls = self.controls();
        let change = {
            let mut past = self.past();
            let from = past.take(health, Instant::now(), &controls);
            from.map(|from| Change {
                from,
                to: past.state,
                message,
            })
        };
        self.answered.cancel();
        change
    }

    /// How it is now. Asks nobody.
    pub(crate) fn seen(&self) -> Seen {
        let controls = self.controls();
        let past = self.past();
        let now = Instant::now();
        let mut seen = Seen {
            state: past.state,
            since: past.since,
            message: Some("it has not answered yet".to_owned()),
            details: Map::new(),
            age: None,
            took: None,
            failures: past.failures,
        };
        if let Some(last) = &past.last {
            seen.message = last.health.message().map(ToOwned::to_owned);
            seen.details = last.health.details().clone();
            seen.age = Some(now.duration_since(last.at));
            seen.took = Some(last.took);
        }
        if past.is_stale(now, &controls) {
            seen.state = HealthState::Unknown;
            seen.message = Some(match past.asked {
                Some(_) => {
                    "its answer is overdue: it blocks its thread, or another does".to_owned()
                }
                None => "nobody has asked it for too long".to_owned(),
            });
        }
        seen
    }

    /// Its state now.
    pub(crate) fn state(&self) -> HealthState {
        let controls = self.controls();
        let past = self.past();
        match past.is_stale(Instant::now(), &controls) {
            true => HealthState::Unknown,
            false => past.state,
        }
    }

    /// Whether it works, as far as is known.
    pub(crate) fn is_well(&self) -> bool {
        self.state().is_healthy()
    }

    /// Waits for its first answer, which may have come long ago.
    pub(crate) async fn until_answered(&self) {
        self.answered.cancelled().await;
    }

    /// Whether it has answered, ever.
    pub(crate) fn has_answered(&self) -> bool {
        self.past().last.is_some()
    }
}
