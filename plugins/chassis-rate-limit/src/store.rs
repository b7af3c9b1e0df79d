//! Who has how many tokens left: a table of bounded size, in parts that are locked one by one.
//!
//! A caller is one number, the time at which all tokens are back (the *generic cell rate algorithm*): taking one moves that time
//! by an interval, and may not move it further than a whole bucket from now. Who has all tokens back is as good as unknown, so
//! that place is free for the next: nobody has to clean up, and nobody is forgotten who has fewer tokens than a newcomer.

use std::{
    hash::{BuildHasher as _, DefaultHasher, Hash as _, Hasher as _, RandomState},
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::time::Instant;

mod part;

use part::{Part, Slot};

/// What a limit allows.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Which limit it is, over reloads.
    pub limit: u64,
    /// After how many nanoseconds a token comes back.
    interval: u64,
    /// How many tokens fit into it.
    burst: u32,
}

impl Bucket {
    pub fn new(name: &str, interval: u64, burst: u32) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self {
            limit: hasher.finish(),
            interval,
            burst,
        }
    }

    /// How long it takes until an empty one is full.
    fn capacity(self) -> u64 {
        self.interval.saturating_mul(self.burst.into())
    }
}

/// A token is asked for, and what came of it.
#[derive(Debug)]
pub struct Ask {
    /// The place of the limit in the configuration.
    pub(crate) limit: usize,
    bucket: Bucket,
    key: u64,
    /// How many tokens are left.
    pub(crate) left: u64,
    /// In how many nanoseconds all are back.
    pub(crate) until_full: u64,
    /// In how many nanoseconds there is one, if there is none.
    pub(crate) wait: u64,
    /// When all were back before: what is undone.
    before: u64,
}

impl Ask {
    pub fn new(limit: usize, bucket: Bucket, key: u64) -> Self {
        Self {
            limit,
            bucket,
            key,
            left: 0,
            until_full: 0,
            wait: 0,
            before: 0,
        }
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.wait > 0
    }

    /// Takes a token from whoever has all of them back at this time.
    fn take(&mut self, full_at: &mut u64, now: u64) {
        let horizon = now.saturating_add(self.bucket.capacity());
        // Further away than a whole bucket is only who was counted when the limit was another, before a reload.
        self.before = (*full_at).clamp(now, horizon);
        let after = self.before.saturating_add(self.bucket.interval);
        self.wait = after.saturating_sub(horizon);
        *full_at = if self.is_refused() {
            self.before
        } else {
            after
        };
        self.tell(*full_at, now);
    }

    /// Gives it back: nothing has happened since.
    fn give_back(&mut self, full_at: &mut u64, now: u64) {
        *full_at = self.before;
        self.tell(self.before, now);
    }

    fn tell(&mut self, full_at: u64, now: u64) {
        self.until_full = full_at - now;
        self.left = (self.bucket.capacity() - self.until_full) / self.bucket.interval;
    }
}

/// How many parts there are: a caller locks one of them for some ten nanoseconds.
const PARTS: usize = 64;

/// Who has how many tokens left, of all limits.
#[derive(Debug)]
pub struct Store {
    parts: Box<[Mutex<Part>]>,
    /// Keyed by chance: nobody outside can choose who shares a place with whom.
    hasher: RandomState,
    /// Times are counted in nanoseconds from here.
    began: Instant,
    evicted: AtomicU64,
    shared: AtomicU64,
}

impl Default for Store {
    fn default() -> Self {
        Self::with_parts(PARTS)
    }
}

impl Store {
    fn with_parts(parts: usize) -> Self {
        Self {
            parts: (0..parts).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            began: Instant::now(),
            evicted: AtomicU64::new(0),
            shared: AtomicU64::new(0),
        }
    }

    /// A caller as a number.
    pub fn key(&self, limit: u64, kind: u8, value: &[u8]) -> u64 {
        self.hasher.hash_one((limit, kind, value))
    }

    /// Takes a token for each of these, or for none of them. Says whether it did.
    ///
    /// `room` is how many callers there may be; who finds no room shares the tokens of all who find none in that part.
    pub fn take(&self, now: Instant, room: usize, asks: &mut [Ask]) -> bool {
        let now = self.nanos(now);
        let most = self.slots_of_part(room);
        if let [ask] = asks {
            let mut part = self.lock(self.part_of(ask.key));
            let now = part.not_before(now);
            self.take_one(&mut part, ask, now, most);
            return !ask.is_refused();
        }
        // All at once, so that nobody sees a token that is given back. Always in the same order: nobody waits in a circle.
        let mut of: Vec<usize> = asks.iter().map(|ask| self.part_of(ask.key)).collect();
        of.sort_unstable();
        of.dedup();
        let mut locked: Vec<MutexGuard<'_, Part>> =
            of.iter().map(|part| self.lock(*part)).collect();
        let now = locked
            .iter_mut()
            .fold(now, |now, part| part.not_before(now));
        let place = |ask: &Ask| {
            let part = self.part_of(ask.key);
            of.binary_search(&part).ok()
        };
        for ask in asks.iter_mut() {
            if let Some(place) = place(ask) {
                self.take_one(&mut locked[place], ask, now, most);
            }
        }
        let is_allowed = !asks.iter().any(Ask::is_refused);
        if !is_allowed {
            for ask in asks.iter_mut().filter(|ask| !ask.is_refused()) {
                if let Some(place) = place(ask) {
                    let full_at = locked[place].again(ask.key, ask.bucket.limit);
                    ask.give_back(full_at, now);
                }
            }
        }
        is_allowed
    }

    fn take_one(&self, part: &mut Part, ask: &mut Ask, now: u64, most: usize) {
        match part.find(ask.key, ask.bucket.limit, now, most) {
            Slot::Known(full_at) => ask.take(full_at, now),
            Slot::Free { full_at, evicts } => {
                if evicts {
                    self.evicted.fetch_add(1, Relaxed);
                }
                ask.take(full_at, now);
            }
            Slot::Shared(full_at) => {
                self.shared.fetch_add(1, Relaxed);
                ask.take(full_at, now);
            }
        }
    }

    /// How many callers have not all their tokens back. It looks at all, a part at a time.
    pub async fn held(&self) -> usize {
        let mut held = 0;
        for part in 0..self.parts.len() {
            let now = self.nanos(Instant::now());
            held += self.lock(part).held(now);
            tokio::task::yield_now().await;
        }
        held
    }

    /// What the table takes.
    pub fn bytes(&self) -> usize {
        let parts = (0..self.parts.len()).map(|part| self.lock(part).bytes());
        parts.sum::<usize>() + mem::size_of_val(&*self.parts)
    }

    /// How many callers have made room for others.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    /// How many requests were by callers for whom there was no room.
    pub fn shared(&self) -> u64 {
        self.shared.load(Relaxed)
    }

    /// From 1: 0 is a time at which all tokens of everybody are back.
    fn nanos(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Twice the callers, so that nearly everybody finds a place.
    fn slots_of_part(&self, room: usize) -> usize {
        room.saturating_mul(2).div_ceil(self.parts.len())
    }

    fn part_of(&self, key: u64) -> usize {
        // Other bits than those that choose the place in the part.
        (key >> 48) as usize % self.parts.len()
    }

    fn lock(&self, part: usize) -> MutexGuard<'_, Part> {
        // Whatever has panicked, a time is a time.
        self.parts[part]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
