//! What is known of topics: how many events were published under each, and of which nobody here wants to know.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// How many topics are known apart; there may be more.
const MOST: usize = 1_000;

/// How many places there are for them: so many more that most stand where they are sought first.
const PLACES: usize = 2_048;

/// From here on nothing is unheard: the bus is closed.
const CLOSED: u64 = 1 << 63;

/// A table without a lock: who publishes only reads it, and a topic that has its place keeps it.
#[derive(Debug)]
pub(super) struct Topics {
    /// Where a topic stands follows from its hash; if another one stands there, it is the next place that is free.
    places: Box<[OnceLock<Topic>]>,
    words: Words,
    /// How many places are taken. Held by who takes one.
    taken: Mutex<usize>,
    /// Events under topics that are not known apart.
    others: AtomicU64,
    /// How often it has changed who listens.
    changes: AtomicU64,
}

#[derive(Debug)]
struct Topic {
    name: Arc<str>,
    published: AtomicU64,
    /// One more than the number of changes after which nobody wanted it.
    unheard: AtomicU64,
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| OnceLock::new()).collect(),
            words: Words::default(),
            taken: Mutex::default(),
            others: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        }
    }
}

impl Topics {
    /// Counts an event that nobody wants to know of, if that is known already: of an event without a listener this is all.
    #[inline]
    pub(super) fn count_unheard(&self, topic: &str) -> bool {
        let Ok(topic) = self.find(topic) else {
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
        let known = self.known(topic);
        let published = known.map_or(&self.others, |topic| &topic.published);
        published.fetch_add(1, Relaxed);
    }

    /// How often it has changed who listens: asked before somebody looks who does.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Acquire)
    }

    /// After so many changes nobody wanted to know of this topic.
    pub(super) fn is_unheard(&self, topic: &str, changes: u64) {
        if let Some(topic) = self.known(topic) {
            topic.unheard.store(changes + 1, Relaxed);
        }
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
        let known = self.places.iter().filter_map(OnceLock::get);
        let counts = known.map(|topic| (Arc::clone(&topic.name), topic.published.load(Relaxed)));
        let counts: BTreeMap<_, _> = counts.filter(|(_, n)| *n > 0).collect();
        let all = counts.values().sum::<u64>() + self.others.load(Relaxed);
        (all, counts)
    }

    /// A topic that is known, or else the place that it would have.
    #[inline]
    fn find(&self, name: &str) -> Result<&Topic, &OnceLock<Topic>> {
        let mut at = self.words.hash(name) as usize;
        loop {
            // There are always free ones.
            let place = &self.places[at % PLACES];
            match place.get() {
                Some(topic) if *topic.name == *name => return Ok(topic),
                Some(_) => at += 1,
                None => return Err(place),
            }
        }
    }

    /// A topic, made known if there is room.
    fn known(&self, name: &str) -> Option<&Topic> {
        if let Ok(topic) = self.find(name) {
            return Some(topic);
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match self.find(name) {
            Ok(topic) => Some(topic),
            Err(_) if *taken == MOST => None,
            Err(place) => {
                *taken += 1;
                Some(place.get_or_init(|| Topic {
                    name: name.into(),
                    published: AtomicU64::new(0),
                    unheard: AtomicU64::new(0),
                }))
            }
        }
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

impl Words {
    #[inline]
    fn hash(&self, text: &str) -> u64 {
        let bytes = text.as_bytes();
        let (words, rest) = bytes.as_chunks::<8>();
        let hash = words.iter().fold(self.0, |hash, word| mix(hash, *word));
        let last = match bytes.last_chunk() {
            // With some bytes that the word before it has had.
            Some(last) => *last,
            None => {
                let mut last = [0; 8];
                last[..rest.len()].copy_from_slice(rest);
                last
            }
        };
        mix(hash, last)
    }
}

#[inline]
fn mix(hash: u64, word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let product = u128::from(hash ^ word) * u128::from(0x9e37_79b9_7f4a_7c15_u64);
    // Both halves of the product: a place is some bits from below.
    product as u64 ^ (product >> 64) as u64
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
            .map(|number| words.hash(&format!("order.placed-{number}")))
            .collect();
        assert_eq!(all.len(), 10_000);
    }
}
