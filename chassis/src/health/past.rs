//! What a check has said so far: its state, by the thresholds.

use super::{Controls, Health, HealthState};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// What a check has said so far.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) state: HealthState,
    /// When it came into this state.
    pub(super) since: SystemTime,
    pub(super) last: Option<Answer>,
    /// How often in a row it failed.
    pub(super) failures: u32,
    /// How often in a row it did not.
    successes: u32,
    /// Since when it is being asked.
    pub(super) asked: Option<Instant>,
}

/// What was said last.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) health: Health,
    pub(super) at: Instant,
    pub(super) took: Duration,
}

impl Past {
    pub(super) fn new() -> Self {
        Self {
            state: HealthState::Unknown,
            since: SystemTime::now(),
            last: None,
            failures: 0,
            successes: 0,
            asked: None,
        }
    }

    /// Takes an answer; the state before, if it is another now.
    ///
    /// The first answer counts at once. After it, only so many failures in a row are `down`, so that one lost packet is
    /// no news; and what is down only comes back after so many answers in a row that are no failure. Between `up`,
    /// `degraded` and `unknown` each answer counts.
    pub(super) fn take(
        &mut self,
        health: Health,
        at: Instant,
        controls: &Controls,
    ) -> Option<HealthState> {
        let said = health.state();
        if said == HealthState::Down {
            self.failures = self.failures.saturating_add(1);
            self.successes = 0;
        } else {
            self.successes = self.successes.saturating_add(1);
            self.failures = 0;
        }
        let is_first = self.last.is_none();
        let counts = match (self.state, said) {
            (HealthState::Down, HealthState::Down) => true,
            (HealthState::Down, _) => self.successes >= controls.successes,
            (_, HealthState::Down) => self.failures >= controls.failures,
            _ => true,
        };
        let took = self
            .asked
            .take()
            .map_or(Duration::ZERO, |asked| at.duration_since(asked));
        self.last = Some(Answer { health, at, took });
        let before = self.state;
        if !(is_first || counts) || said == before {
            return None;
        }
        self.state = said;
        self.since = SystemTime::now();
        Some(before)
    }

    /// Whether the last answer is too old to go by: the next two should have come meanwhile.
    pub(super) fn is_stale(&self, now: Instant, controls: &Controls) -> bool {
        let Some(last) = &self.last else { return false };
        // An interval may be a tenth longer.
        let longest = controls.interval.saturating_add(controls.interval / 10);
        let period = longest.saturating_add(controls.deadline);
        now.duration_since(last.at) > period.saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(said: &[HealthState], failures: u32, successes: u32) -> Vec<HealthState> {
        let controls = Controls {
            interval: Duration::from_secs(10),
            deadline: Duration::from_secs(5),
            failures,
            successes,
            critical: false,
            liveness: false,
        };
        let mut past = Past::new();
        let state = |&said: &HealthState| {
            past.take(Health::new(said, None), Instant::now(), &controls);
            past.state
        };
        said.iter().map(state).collect()
    }

    use HealthState::{Degraded, Down, Up};

    #[test]
    fn the_first_answer_counts_at_once() {
        assert_eq!(past(&[Down], 3, 3), [Down]);
        assert_eq!(past(&[Up], 3, 3), [Up]);
    }

    #[test]
    fn failures_count_when_there_are_enough_of_them_in_a_row() {
        assert_eq!(
            past(&[Up, Down, Down, Up, Down, Down, Down], 3, 1),
            [Up, Up, Up, Up, Up, Up, Down]
        );
        assert_eq!(past(&[Up, Down], 1, 1), [Up, Down]);
        assert_eq!(past(&[Up, Degraded, Down], 2, 1), [Up, Degraded, Degraded]);
    }

    #[test]
    fn what_is_down_comes_back_when_it_has_proved_itself() {
        assert_eq!(
            past(&[Down, Up, Down, Up, Up], 1, 2),
            [Down, Down, Down, Down, Up]
        );
        assert_eq!(past(&[Down, Up, Degraded], 1, 2), [Down, Down, Degraded]);
    }
}
