//! What is known of topics: how many events were published under each, and of which nobody here wants to know.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// How many topics are known apart; there may be more.
const MOST: usize = 1_000;

/// From here on nothing is unheard: the bus is closed.
const CLOSED: u64 = 1 << 63;

#[derive(Debug, Default)]
pub(super) struct Topics {
    known: RwLock<HashMap<Arc<str>, Topic, Words>>,
    /// Events under topics that are not known apart.
    others: AtomicU64,
    /// How often it has changed who listens.
    changes: AtomicU64,
}

#[derive(Debug, Default)]
struct Topic {
    published: AtomicU64,
    /// One more than the number of changes after which nobody wanted it.
    unheard: AtomicU64,
}

impl Topics {
    /// Counts an event that nobody wants to know of, if that is known already: of an event without a listener this is all.
    pub(super) fn count_unheard(&self, topic: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let Some(topic) = known.get(topic) else {
            return false;
        };
        let is_unheard = topic.unheard.load(Relaxed) == self.changes.load(Acquire) + 1;
        if is_unheard {
            topic.published.fetch_add(1, Relaxed);
        }
        is_unheard
    }

    /// Counts an event.
    pub(super) fn count(&self, topic: &str) {
        self.of(topic, |known| {
            let published = known.map_or(&self.others, |topic| &topic.published);
            published.fetch_add(1, Relaxed);
        });
    }

    /// How often it has changed who listens: asked before somebody looks who does.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Acquire)
    }

    /// After so many changes nobody wanted to know of this topic.
    pub(super) fn is_unheard(&self, topic: &str, changes: u64) {
        self.of(topic, |known| {
            if let Some(topic) = known {
                topic.unheard.store(changes + 1, Relaxed);
            }
        });
    }

    /// Somebody listens who did not before.
    pub(super) fn change(&self) {
        self.changes.fetch_add(1, Release);
    }

    /// Nobody publishes any more.
    pub(super) fn close(&self) {
        self.changes.fetch_or(CLOSED, Release);
    }

    /// How many events were published, and under each topic.
    pub(super) fn counts(&self) -> (u64, BTreeMap<Arc<str>, u64>) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let count =
            |(name, topic): (&Arc<str>, &Topic)| (Arc::clone(name), topic.published.load(Relaxed));
        let counts: BTreeMap<_, _> = known.iter().map(count).filter(|(_, n)| *n > 0).collect();
        let all = counts.values().sum::<u64>() + self.others.load(Relaxed);
        (all, counts)
    }

    /// A topic, made known if there is room.
    fn of(&self, topic: &str, then: impl FnOnce(Option<&Topic>)) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_full = known.len() >= MOST;
        if let found @ Some(_) = known.get(topic) {
            return then(found);
        }
        drop(known);
        if is_full {
            return then(None);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        then(Some(known.entry(topic.into()).or_default()));
    }
}

/// A hash of a few words, each of eight bytes, that begins otherwise in each process: what hash maps have by default costs more
/// than all else that is done of an event without a listener, and there are at most as many topics as are known.
#[derive(Debug)]
struct Words(u64);

impl Default for Words {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }
}

impl BuildHasher for Words {
    type Hasher = Hashing;

    #[inline]
    fn build_hasher(&self) -> Hashing {
        Hashing(self.0)
    }
}

struct Hashing(u64);

impl Hashing {
    #[inline]
    fn add(&mut self, word: u64) {
        // Both halves of the product: the table takes some bits from above and some from below.
        let product = u128::from(self.0 ^ word) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
        let [low, high] = [product as u64, (product >> 64) as u64];
        self.0 = low ^ high;
    }
}

impl Hasher for Hashing {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last));
    }

    #[inline]
    fn write_u8(&mut self, _: u8) {
        // The end of a text: there is nothing behind it.
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unheard_is_so_until_somebody_listens() {
        let topics = Topics::default();
        assert!(!topics.count_unheard("a"), "nobody has looked yet");
        topics.is_unheard("a", topics.changes());
        assert!(topics.count_unheard("a"));
        topics.change();
        assert!(!topics.count_unheard("a"));
        topics.is_unheard("a", 0);
        assert!(!topics.count_unheard("a"), "it was looked too early");
        topics.is_unheard("a", topics.changes());
        topics.close();
        assert!(!topics.count_unheard("a"));
        assert_eq!(topics.counts().0, 1);
    }

    #[test]
    fn only_so_many_topics_are_known_and_all_are_counted() {
        let topics = Topics::default();
        for topic in 0..2 * MOST {
            topics.count(&format!("topic.number-{topic}"));
        }
        let (all, counts) = topics.counts();
        assert_eq!((all, counts.len()), (2_000, MOST));
    }

    #[test]
    fn topics_that_are_alike_have_other_hashes() {
        let words = Words::default();
        let all: std::collections::HashSet<u64> = (0..10_000)
            .map(|number| words.hash_one(format!("order.placed-{number}")))
            .collect();
        assert_eq!(all.len(), 10_000);
    }
}
