//! Who else wants events of this bus: members of groups, as a transport has them, beside the plugins.

use super::{queue::Queue, topic::TopicPattern, transport::EventSubscription};
use crate::{config::WhenFull, error::Result};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// How many events may wait for a group.
const QUEUE: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Guests {
    groups: Mutex<BTreeMap<Arc<str>, Group>>,
    /// How many members there are.
    members: AtomicUsize,
}

#[derive(Debug)]
struct Group {
    patterns: Vec<TopicPattern>,
    queue: Arc<Queue>,
    members: usize,
}

impl Guests {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there are any: asked of each event.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.members.load(Relaxed) > 0
    }

    /// A further member of a group, whose newest member says what it wants; the queue that they share.
    pub(super) fn enter(&self, subscription: &EventSubscription) -> Result<Arc<Queue>> {
        let patterns = subscription.patterns.iter();
        let patterns = patterns.map(|pattern| TopicPattern::parse(pattern));
        let patterns = patterns.collect::<Result<_>>()?;
        let name = &subscription.group;
        let mut groups = self.lock();
        let group = groups.entry(Arc::clone(name)).or_insert_with(|| Group {
            patterns: Vec::new(),
            queue: Arc::new(Queue::new(Arc::clone(name), QUEUE, WhenFull::DropOldest)),
            members: 0,
        });
        group.patterns = patterns;
        group.members += 1;
        self.members.fetch_add(1, Relaxed);
        Ok(Arc::clone(&group.queue))
    }

    /// One member less; with the last the group goes, and what waits for it.
    pub(super) fn leave(&self, name: &str) {
        let mut groups = self.lock();
        let Some(group) = groups.get_mut(name) else {
            return;
        };
        group.members -= 1;
        self.members.fetch_sub(1, Relaxed);
        let gone = (group.members == 0).then(|| groups.remove(name)).flatten();
        drop(groups);
        if let Some(group) = gone {
            group.queue.close();
        }
    }

    /// The queues of the groups that want this topic.
    pub(super) fn wanting(&self, topic: &str) -> Vec<Arc<Queue>> {
        let groups = self.lock();
        let wanting = groups.values().filter(|group| {
            let mut patterns = group.patterns.iter();
            patterns.any(|pattern| pattern.matches(topic))
        });
        wanting.map(|group| Arc::clone(&group.queue)).collect()
    }

    /// The queues of all groups.
    pub(super) fn all(&self) -> Vec<Arc<Queue>> {
        let groups = self.lock();
        groups
            .values()
            .map(|group| Arc::clone(&group.queue))
            .collect()
    }
}
