//! Lines that come again and again: the first are written, of the others only how many there were.

use chassis::{LogLine, LogValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing::Level;

/// How many lines are known at once. What there is no room for is written.
const MAX: usize = 4_096;

/// How much of a message is told when it is told how often it came.
const MAX_MESSAGE: usize = 256;

/// How often the same line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RepeatLimit {
    /// How often it is written in that time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub lines: u32,
    /// The time, from the first of them.
    #[serde(with = "chassis::units::Time")]
    pub every: Duration,
}

impl Default for RepeatLimit {
    fn default() -> Self {
        Self {
            lines: 100,
            every: Duration::from_secs(10),
        }
    }
}

/// The lines that were there lately.
pub(crate) struct Repeats {
    limit: RepeatLimit,
    hash: RandomState,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lines: HashMap<u64, Seen>,
    /// Nobody would tell of what is left out any more.
    is_closed: bool,
}

struct Seen {
    since: Instant,
    count: u32,
    /// What is told of those that were left out; none as long as there were none.
    left_out: Option<Box<LeftOut>>,
}

/// Lines that were left out.
#[derive(Debug)]
pub(crate) struct LeftOut {
    pub(crate) count: u64,
    pub(crate) took: Duration,
    pub(crate) level: Level,
    pub(crate) target: Box<str>,
    pub(crate) message: Box<str>,
    pub(crate) service: Box<str>,
    pub(crate) version: Box<str>,
}

/// What becomes of a line.
pub(crate) struct Verdict {
    pub(crate) is_written: bool,
    /// What has to be told before it.
    pub(crate) left_out: Option<Box<LeftOut>>,
}

impl Repeats {
    pub(crate) fn new(limit: RepeatLimit) -> Self {
        Self {
            limit,
            hash: RandomState::new(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a line is written.
    pub(crate) fn see(&self, line: &LogLine<'_>, now: Instant) -> Verdict {
        let key = self.key(line);
        let mut state = self.state();
        let written = |left_out| Verdict {
            is_written: true,
            left_out,
        };
        if state.is_closed {
            return written(None);
        }
        if let Some(seen) = state.lines.get_mut(&key) {
            if now.saturating_duration_since(seen.since) >= self.limit.every {
                let left_out = seen.end(now);
                *seen = Seen::first(now);
                return written(left_out);
            }
            seen.count = seen.count.saturating_add(1);
            if seen.count <= self.limit.lines {
                return written(None);
            }
            let left_out = seen.left_out.get_or_insert_with(|| LeftOut::of(line));
            left_out.count += 1;
            return Verdict {
                is_written: false,
                left_out: None,
            };
        }
        if state.lines.len() >= MAX {
            let every = self.limit.every;
            // Those of which something has to be told are told of by `due`.
            state.lines.retain(|_, seen| {
                seen.left_out.is_some() || now.saturating_duration_since(seen.since) < every
            });
        }
        if state.lines.len() < MAX {
            state.lines.insert(key, Seen::first(now));
        }
        written(None)
    }

    /// What has to be told now: of lines whose time is over.
    pub(crate) fn due(&self, now: Instant) -> Vec<LeftOut> {
        let every = self.limit.every;
        self.take(now, |seen| {
            now.saturating_duration_since(seen.since) >= every
        })
    }

    /// What has to be told at the end. From now on every line is written.
    pub(crate) fn close(&self, now: Instant) -> Vec<LeftOut> {
        self.state().is_closed = true;
        self.take(now, |_| true)
    }

    fn take(&self, now: Instant, is_over: impl Fn(&Seen) -> bool) -> Vec<LeftOut> {
        let mut state = self.state();
        let over = state.lines.extract_if(|_, seen| is_over(seen));
        let left_out = over.filter_map(|(_, mut seen)| seen.end(now));
        left_out.map(|left_out| *left_out).collect()
    }

    /// The same for the same line: of one place, with one message and the same fields. Whoever it was logged for is no part of it.
    fn key(&self, line: &LogLine<'_>) -> u64 {
        let mut hasher = self.hash.build_hasher();
        (line.level, line.target, line.message).hash(&mut hasher);
        for (name, value) in line.fields {
            name.hash(&mut hasher);
            match value {
                LogValue::Text(text) | LogValue::Shown(text) => text.hash(&mut hasher),
                LogValue::Float(value) => value.to_bits().hash(&mut hasher),
                LogValue::Int(value) => value.hash(&mut hasher),
                LogValue::Uint(value) => value.hash(&mut hasher),
                LogValue::Bool(value) => value.hash(&mut hasher),
                other => format!("{other:?}").hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}

impl Seen {
    fn first(now: Instant) -> Self {
        Self {
            since: now,
            count: 1,
            left_out: None,
        }
    }

    fn end(&mut self, now: Instant) -> Option<Box<LeftOut>> {
        let mut left_out = self.left_out.take()?;
        left_out.took = now.saturating_duration_since(self.since);
        Some(left_out)
    }
}

impl LeftOut {
    fn of(line: &LogLine<'_>) -> Box<Self> {
        let end = line.message.floor_char_boundary(MAX_MESSAGE);
        Box::new(Self {
            count: 0,
            took: Duration::ZERO,
            level: line.level,
            target: line.target.into(),
            message: line.message[..end].into(),
            service: line.service.into(),
            version: line.version.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVERY: Duration = Duration::from_secs(10);

    fn repeats(lines: u32) -> Repeats {
        Repeats::new(RepeatLimit {
            lines,
            every: EVERY,
        })
    }

    fn line(message: &str) -> LogLine<'_> {
        LogLine::new(Level::INFO, "shop", message)
    }

    #[test]
    fn what_is_left_out_is_told_when_its_time_is_over() {
        let (repeats, start) = (repeats(2), Instant::now());
        let seen: Vec<bool> = (0..5)
            .map(|_| repeats.see(&line("gone"), start).is_written)
            .collect();
        assert_eq!(seen, [true, true, false, false, false]);
        assert!(repeats.see(&line("other"), start).is_written);
        assert!(repeats.due(start + EVERY / 2).is_empty());
        let told = repeats.due(start + EVERY);
        let [told] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!((told.count, told.took, &*told.message), (3, EVERY, "gone"));
        assert!(repeats.due(start + EVERY * 2).is_empty());
        assert!(repeats.see(&line("gone"), start + EVERY).is_written);
    }

    #[test]
    fn the_next_of_them_tells_it_too() {
        let (repeats, start) = (repeats(1), Instant::now());
        for _ in 0..3 {
            repeats.see(&line("gone"), start);
        }
        let verdict = repeats.see(&line("gone"), start + EVERY);
        assert!(verdict.is_written);
        assert_eq!(verdict.left_out.unwrap().count, 2);
    }

    #[test]
    fn other_fields_are_another_line() {
        let (repeats, start) = (repeats(1), Instant::now());
        for id in 0..10 {
            let fields = [("id", LogValue::Uint(id))];
            let mut line = line("answered");
            line.fields = &fields;
            assert!(repeats.see(&line, start).is_written);
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_written() {
        let (repeats, start) = (repeats(1), Instant::now());
        for number in 0..2 * MAX {
            assert!(repeats.see(&line(&number.to_string()), start).is_written);
        }
        let last = (2 * MAX - 1).to_string();
        assert!(repeats.see(&line(&last), start).is_written);
        assert!(!repeats.see(&line("0"), start).is_written);
        assert!(repeats.state().lines.len() <= MAX);
        // The old ones make room.
        for is_written in [true, false] {
            let verdict = repeats.see(&line(&last), start + EVERY);
            assert_eq!(verdict.is_written, is_written);
        }
    }

    proptest! {
        /// However lines come: each is written, or counted and told.
        #[test]
        fn nothing_is_lost(
            lines in 1_u32..4,
            steps in prop::collection::vec((0_usize..3, 0_u64..6, any::<bool>()), 0..60),
        ) {
            let repeats = repeats(lines);
            let mut now = Instant::now();
            let (mut written, mut told) = (0, 0);
            let names = ["a", "b", "c"];
            for &(name, seconds, is_looked_at) in &steps {
                now += Duration::from_secs(seconds);
                let verdict = repeats.see(&line(names[name]), now);
                written += u64::from(verdict.is_written);
                told += verdict.left_out.map_or(0, |left_out| left_out.count);
                if is_looked_at {
                    told += repeats.due(now).iter().map(|left_out| left_out.count).sum::<u64>();
                }
            }
            told += repeats.close(now).iter().map(|left_out| left_out.count).sum::<u64>();
            prop_assert_eq!(written + told, steps.len() as u64);
            prop_assert!(repeats.see(&line("a"), now).is_written);
            prop_assert!(repeats.see(&line("a"), now).is_written);
        }
    }
}
