//! Plugins that block a thread: code that does not await can't be cut off, so it is found, and named, from another thread.

use super::threads::{self, NOBODYS, Slot};
use crate::text::unix_millis;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// A call that has kept its thread for half a second or longer, and does so still.
///
/// Everything else that the thread should do waits meanwhile: other requests, timers, deadlines. What blocks belongs into
/// [`Background::blocking`](crate::Background::blocking), or tokio's `spawn_blocking`; of `block_in_place` this tells all the same.
/// Under `TestChassis`, where there is but one runtime, nobody looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Stall {
    /// The extension point, the route, the task, or the step of its life.
    pub point: Arc<str>,
    /// The name of the thread.
    pub thread: Arc<str>,
    /// Since when, in milliseconds since 1970; up to a quarter of a second before, in truth.
    #[serde(serialize_with = "unix_millis")]
    #[schemars(with = "u64")]
    pub since: SystemTime,
}

/// Those of one service.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    /// The places where plugins are called, by their numbers.
    places: Mutex<Places>,
    /// How many there were, by plugin.
    counts: Mutex<BTreeMap<Arc<str>, (u64, u64)>>,
}

/// Whose they are, and what they are called.
type Places = HashMap<u64, (Arc<Ward>, Arc<str>)>;

/// An instance, as far as its calls are looked after.
#[derive(Debug)]
pub(crate) struct Ward {
    pub(crate) plugin: Arc<str>,
    of: Arc<Stalls>,
    now: Mutex<Vec<Stall>>,
}

/// A place where an instance is called.
#[derive(Debug)]
pub(crate) struct Spot {
    number: u64,
    ward: Option<Arc<Ward>>,
}

impl Default for Spot {
    /// That of calls which nobody looks after.
    fn default() -> Self {
        Self {
            number: NOBODYS,
            ward: None,
        }
    }
}

impl Stalls {
    /// How many there are and were, by plugin.
    pub(crate) fn counts(&self) -> BTreeMap<Arc<str>, (u64, u64)> {
        self.lock_counts().clone()
    }

    /// The plugin whose code runs on this thread, if it is of this service.
    pub(crate) fn here(&self) -> Option<Arc<str>> {
        let place = threads::place();
        if place <= NOBODYS {
            return None;
        }
        let places = self.places();
        places.get(&place).map(|(ward, _)| Arc::clone(&ward.plugin))
    }

    /// The last instance of a plugin is at its end.
    pub(crate) fn forget(&self, plugin: &str) {
        self.lock_counts().remove(plugin);
    }

    fn lock_counts(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, (u64, u64)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ward {
    pub(crate) fn new(of: &Arc<Stalls>, plugin: Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            plugin,
            of: Arc::clone(of),
            now: Mutex::default(),
        })
    }

    /// A place where it is called, for as long as that lives.
    pub(crate) fn spot(self: &Arc<Self>, place: impl Into<Arc<str>>) -> Spot {
        // Over all services: a thread may work for several.
        static LAST: AtomicU64 = AtomicU64::new(NOBODYS);
        let number = LAST.fetch_add(1, Relaxed) + 1;
        let place = place.into();
        self.of.places().insert(number, (Arc::clone(self), place));
        Spot {
            number,
            ward: Some(Arc::clone(self)),
        }
    }

    /// What it blocks.
    pub(crate) fn stalls(&self) -> Vec<Stall> {
        self.now().clone()
    }

    /// The same in words; none if it blocks nothing.
    pub(crate) fn told(&self) -> Option<String> {
        let now = self.now();
        let Stall { point, thread, .. } = now.first()?;
        Some(format!("it blocks the thread `{thread}` at `{point}`"))
    }

    fn now(&self) -> MutexGuard<'_, Vec<Stall>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, stall: &Stall) {
        self.now().push(stall.clone());
        let mut counts = self.of.lock_counts();
        let (alive, all) = counts.entry(Arc::clone(&self.plugin)).or_default();
        (*alive, *all) = (*alive + 1, *all + 1);
    }

    fn end(&self, stall: &Stall) {
        self.now().retain(|other| other != stall);
        if let Some((alive, _)) = self.of.lock_counts().get_mut(&self.plugin) {
            *alive = alive.saturating_sub(1);
        }
    }
}

impl Spot {
    /// Calls something that does not unwind.
    #[inline]
    pub(super) fn at<R>(&self, call: impl FnOnce() -> R) -> R {
        threads::at(self.number, call)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn ward(&self) -> Option<&Arc<Ward>> {
        self.ward.as_ref()
    }
}

impl Drop for Spot {
    fn drop(&mut self) {
        let known = (self.ward.as_ref()).and_then(|ward| ward.of.places().remove(&self.number));
        // Without the lock: it may be the last that holds it.
        drop(known);
    }
}

/// How often threads are looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// So many looks in a row that see the same. Counted, rather than measured: a process that was frozen blocks nobody.
const LOOKS: u32 = 3;

/// Who looks at all threads again and again.
#[derive(Debug)]
pub(crate) struct Eye {
    stalls: Arc<Stalls>,
    /// What was seen of each thread last.
    seen: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    what: (u64, u64),
    /// How many looks in a row have seen it.
    looks: u32,
    at: (Instant, SystemTime),
    told: Option<(Arc<Ward>, Stall)>,
}

/// What has changed from one look to the next.
#[derive(Debug)]
pub(crate) enum Sight {
    Begun(Arc<Ward>, Stall),
    /// With how long it was.
    Ended(Arc<Ward>, Stall, Duration),
}

impl Eye {
    pub(crate) fn new(stalls: &Arc<Stalls>) -> Self {
        Self {
            stalls: Arc::clone(stalls),
            seen: Vec::new(),
        }
    }

    /// The instances that block one now.
    pub(crate) fn stalled(&self) -> impl Iterator<Item = &Arc<Ward>> {
        let told = self.seen.iter().filter_map(|seen| seen.told.as_ref());
        told.map(|(ward, _)| ward)
    }

    /// Looks at all threads.
    pub(crate) fn look(&mut self) -> Vec<Sight> {
        let mut sights = Vec::new();
        let now = (Instant::now(), SystemTime::now());
        for (index, slot) in threads::all().into_iter().enumerate() {
            let what = slot.read();
            let Some(seen) = self.seen.get_mut(index) else {
                self.seen.push(Seen::new(what, now));
                continue;
            };
            if seen.what != what || what.1 == 0 {
                if let Some((ward, stall)) = seen.told.take() {
                    ward.end(&stall);
                    let took = now.0.saturating_duration_since(seen.at.0);
                    sights.push(Sight::Ended(ward, stall, took));
                }
                *seen = Seen::new(what, now);
                continue;
            }
            seen.looks = seen.looks.saturating_add(1);
            if seen.looks == LOOKS {
                seen.told = self.stalls.found(slot, seen);
                if let Some((ward, stall)) = &seen.told {
                    ward.begin(stall);
                    sights.push(Sight::Begun(Arc::clone(ward), stall.clone()));
                }
            }
        }
        sights
    }
}

impl Stalls {
    /// Whose it is, if it is of this service.
    fn found(&self, slot: &Slot, seen: &Seen) -> Option<(Arc<Ward>, Stall)> {
        let (ward, point) = self.places().get(&seen.what.1).cloned()?;
        let stall = Stall {
            point,
            thread: slot.thread().into(),
            since: seen.at.1,
        };
        Some((ward, stall))
    }
}

impl Seen {
    fn new(what: (u64, u64), at: (Instant, SystemTime)) -> Self {
        Self {
            what,
            looks: 1,
            at,
            told: None,
        }
    }
}
