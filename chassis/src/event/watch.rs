//! Looking on: all events as they are published, for people.

use super::{bus::Bus, record::EventRecord, topic::TopicPattern};
use crate::error::{Error, Result, code};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::sync::broadcast::{self, error::RecvError};

/// How many may look on: they are people, and each costs what is published.
const MOST: usize = 32;

/// Events from now on.
pub(crate) struct Watch {
    /// Counted by hand: the channel would take a lock to tell how many there are.
    _watcher: Watcher,
    events: broadcast::Receiver<Arc<EventRecord>>,
    pattern: TopicPattern,
}

/// What there is to see.
pub(crate) enum Watched {
    Event(Arc<EventRecord>),
    /// So many events were published faster than they were looked at.
    Lost(u64),
}

/// One who looks on, counted until it is dropped.
struct Watcher {
    all: Arc<AtomicUsize>,
    /// How many there are with this one.
    count: usize,
}

impl Watcher {
    fn new(all: Arc<AtomicUsize>) -> Self {
        let count = all.fetch_add(1, Relaxed) + 1;
        Self { all, count }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Relaxed);
    }
}

impl Bus {
    /// Events from now on whose topic fits a pattern.
    pub(crate) fn watch(&self, pattern: &str) -> Result<Watch> {
        let pattern = TopicPattern::parse(pattern)?;
        let watcher = Watcher::new(Arc::clone(&self.watchers));
        self.topics.change();
        if watcher.count > MOST {
            let message = format!("{MOST} streams of events are open, which is as many as may be");
            return Err(Error::new(code::BUSY, message).retryable());
        }
        Ok(Watch {
            _watcher: watcher,
            events: self.streams.subscribe(),
            pattern,
        })
    }
}

impl Watch {
    pub(crate) async fn next(&mut self) -> Option<Watched> {
        loop {
            match self.events.recv().await {
                Ok(record) if self.pattern.matches(&record.topic) => {
                    return Some(Watched::Event(record));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(count)) => return Some(Watched::Lost(count)),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
