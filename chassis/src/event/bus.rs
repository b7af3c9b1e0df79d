//! The bus of one chassis: a queue for each plugin that subscribes, whatever generation it is of.

use super::{
    dead_letters::DeadLetters,
    deliver,
    message::EventRecord,
    queue::{Entry, Pushed, Queue},
    subscription::{EventPoint, Subscribers},
};
use crate::{
    config::{Config, WhenFull},
    error::{Error, Result, code},
    scope::Scope,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{runtime::Handle, sync::broadcast};
use tokio_util::sync::CancellationToken;

/// How many events a stream may be behind before it loses some.
const STREAM: usize = 256;

/// How many topics are counted apart; there may be more.
const TOPICS: usize = 1_000;

/// On which terms events wait for a plugin.
fn terms(config: &Config, plugin: &str) -> (usize, WhenFull) {
    let events = &config.settings().events;
    let limits = config.sections().get(plugin).limits;
    let capacity = limits.queue.unwrap_or(events.queue).get();
    (
        usize::try_from(capacity).unwrap_or(usize::MAX),
        limits.when_full.unwrap_or(events.when_full),
    )
}

pub(crate) struct Bus {
    /// Itself, for the tasks that deliver.
    pub(super) this: Weak<Self>,
    /// Where subscribers stand in a generation.
    pub(super) point: &'static EventPoint,
    workers: Handle,
    /// The generation that serves.
    enter: Box<dyn Fn() -> Option<Scope> + Send + Sync>,
    queues: Mutex<BTreeMap<Arc<str>, Arc<Queue>>>,
    pub(super) dead: DeadLetters,
    pub(super) streams: broadcast::Sender<Arc<EventRecord>>,
    /// How many look on.
    pub(super) watchers: Arc<AtomicUsize>,
    /// How many events were published under a topic.
    topics: Mutex<HashMap<Arc<str>, u64>>,
    pub(super) published: AtomicU64,
    /// Cancelled when the end is near.
    pub(super) draining: CancellationToken,
    pub(super) closed: CancellationToken,
}

/// What became of an event, over all who subscribe.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) queued: usize,
    pub(super) dropped: usize,
}

impl Bus {
    pub(crate) fn new(
        point: &'static EventPoint,
        workers: Handle,
        enter: impl Fn() -> Option<Scope> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            point,
            workers,
            enter: Box::new(enter),
            queues: Mutex::default(),
            dead: DeadLetters::default(),
            streams: broadcast::Sender::new(STREAM),
            watchers: Arc::default(),
            topics: Mutex::default(),
            published: AtomicU64::new(0),
            draining: CancellationToken::new(),
            closed: CancellationToken::new(),
        })
    }

    /// The bus of the chassis that a scope belongs to.
    pub(crate) fn of(scope: &Scope) -> Option<Arc<Self>> {
        Arc::clone(scope.world.bus()).downcast().ok()
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queue(&self, plugin: &str) -> Option<Arc<Queue>> {
        self.queues().get(plugin).cloned()
    }

    /// The generation that serves.
    pub(super) fn enter(&self) -> Result<Scope> {
        (self.enter)().ok_or_else(|| {
            Error::new(
                code::CLOSED,
                "the service does not run yet, or not any more",
            )
        })
    }

    pub(super) fn subscribers<'s>(&self, scope: &'s Scope) -> Option<&'s Subscribers> {
        self.point.subscribers(scope)
    }

    /// A generation serves: what waits for those who subscribe in it is delivered to them, on the terms of its configuration,
    /// and who does not subscribe any more has no queue any more.
    pub(crate) fn serve(&self, scope: &Scope, config: &Config) {
        self.dead.limit(config.settings().events.dead_letters);
        let Some(subscribers) = self.subscribers(scope) else {
            return;
        };
        let mut queues = self.queues();
        for (plugin, _) in subscribers.plugins() {
            let (capacity, when_full) = terms(config, plugin);
            if let Some(queue) = queues.get(plugin) {
                queue.set(capacity, when_full);
                continue;
            }
            let queue = Arc::new(Queue::new(Arc::clone(plugin), capacity, when_full));
            queues.insert(Arc::clone(plugin), Arc::clone(&queue));
            if let Some(this) = self.this.upgrade() {
                self.workers.spawn(deliver::deliver(this, queue));
            }
        }
        let gone = queues.extract_if(.., |plugin, _| subscribers.of_plugin(plugin).is_none());
        let gone: Vec<_> = gone.collect();
        drop(queues);
        for (plugin, queue) in gone {
            let lost = queue.close();
            if lost > 0 {
                tracing::warn!(%plugin, lost, "events that waited for it are lost: it does not subscribe any more");
            }
        }
    }

    /// Whether somebody would be told.
    pub(crate) fn is_wanted(&self, scope: &Scope, topic: &str) -> bool {
        self.watchers.load(Relaxed) > 0
            || self
                .subscribers(scope)
                .is_some_and(|subscribers| subscribers.want(topic))
    }

    /// The bus, if somebody wants to know of each request: asked of each, so that the answer is ready.
    #[inline]
    pub(crate) fn of_requests(scope: &Scope) -> Option<&Self> {
        let bus: &Self = scope.world.bus().downcast_ref()?;
        let is_wanted = bus.watchers.load(Relaxed) > 0
            || bus.subscribers(scope).is_some_and(|all| all.want_requests);
        is_wanted.then_some(bus)
    }

    /// Tells of something that the chassis itself knows of, if somebody wants to know. The subscribers are those of `scope`.
    pub(crate) fn tell(&self, scope: &Scope, topic: &str, event: impl FnOnce() -> Value) {
        if self.closed.is_cancelled() || !self.is_wanted(scope, topic) {
            return;
        }
        let behalf = super::message::Behalf::of(scope);
        let record = EventRecord::json(topic, &"chassis".into(), &behalf, event());
        if let Err(error) = self.publish(scope, record) {
            tracing::warn!(topic, error = %error.line(), "an event of the chassis was refused");
        }
    }

    /// The same, of something that concerns the generation that serves now; before one does nobody is told.
    pub(crate) fn tell_now(&self, topic: &str, event: impl FnOnce() -> Value) {
        if let Ok(scope) = self.enter() {
            self.tell(&scope, topic, event);
        }
    }

    /// Counts an event.
    pub(super) fn count(&self, topic: &str) {
        self.published.fetch_add(1, Relaxed);
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = topics.get_mut(topic) {
            *count += 1;
        } else if topics.len() < TOPICS {
            topics.insert(topic.into(), 1);
        }
    }

    /// Queues an event for each plugin that wants it, and never waits.
    pub(super) fn publish(&self, scope: &Scope, record: EventRecord) -> Result<Outcome> {
        let (record, queues) = self.begin(scope, record);
        let topic = Arc::clone(&record.topic);
        let mut outcome = Outcome::default();
        let mut refused = Vec::new();
        for queue in queues {
            let only = None;
            let record = Arc::clone(&record);
            match queue.push(Entry { record, only }) {
                Pushed::Queued => outcome.queued += 1,
                Pushed::Dropped => outcome.dropped += 1,
                Pushed::Rejected => refused.push(full(&queue, &format!("`{topic}`"))),
                Pushed::Closed => refused.extend(self.closed()),
            }
        }
        Error::all(refused).map_or(Ok(outcome), Err)
    }

    /// Queues an event for each plugin that wants it, and waits until there is room; not longer than `deadline`.
    pub(super) async fn publish_wait(
        &self,
        scope: Scope,
        record: EventRecord,
        deadline: Duration,
    ) -> Result<Outcome> {
        let (record, queues) = self.begin(&scope, record);
        // What waits for room must not hold a generation.
        drop(scope);
        let until = tokio::time::Instant::now() + deadline;
        let mut outcome = Outcome::default();
        let mut late = Vec::new();
        for queue in queues {
            let only = None;
            let record = Arc::clone(&record);
            let pushed = queue.push_wait(Entry { record, only });
            match tokio::time::timeout_at(until, pushed).await {
                Ok(Pushed::Queued) => outcome.queued += 1,
                Ok(_) => late.extend(self.closed()),
                Err(_) => late.push(
                    Error::new(
                        code::DEADLINE,
                        format!("the queue of `{}` had no room in time", queue.plugin),
                    )
                    .retryable(),
                ),
            }
        }
        Error::all(late).map_or(Ok(outcome), Err)
    }

    /// Why a queue may be closed: its plugin does not subscribe any more, which is no error, or nobody does.
    fn closed(&self) -> Option<Error> {
        let is_closed = self.closed.is_cancelled();
        is_closed.then(|| Error::new(code::CLOSED, "the service does not run any more"))
    }

    fn begin(&self, scope: &Scope, record: EventRecord) -> (Arc<EventRecord>, Vec<Arc<Queue>>) {
        self.count(&record.topic);
        let record = Arc::new(record);
        if self.watchers.load(Relaxed) > 0 {
            // Nobody may be listening any more: no matter.
            _ = self.streams.send(Arc::clone(&record));
        }
        let wanting = self.subscribers(scope);
        let wanting = wanting.map(|subscribers| subscribers.wanting(&record.topic));
        let all = self.queues();
        let queues = wanting.into_iter().flatten();
        let queues = queues
            .filter_map(|plugin| all.get(plugin).cloned())
            .collect();
        (record, queues)
    }

    pub(super) fn topics(&self) -> BTreeMap<Arc<str>, u64> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics
            .iter()
            .map(|(topic, count)| (Arc::clone(topic), *count))
            .collect()
    }

    /// Tries once more to deliver what could not be delivered.
    pub(super) fn retry(&self, id: u64) -> Result<()> {
        let scope = self.enter()?;
        let dead = self.dead.take(id).ok_or_else(|| {
            let message =
                format!("there is no dead letter `{id}`; it may have made room for newer ones");
            Error::new(code::NOT_FOUND, message)
        })?;
        let subscribers = self.subscribers(&scope);
        let handler = subscribers.and_then(|all| all.find(&dead.plugin, &dead.handler));
        let queue = handler.and_then(|_| self.queue(&dead.plugin));
        let entry = Entry {
            record: Arc::clone(&dead.record),
            only: Some(Arc::clone(&dead.handler)),
        };
        let error = match queue {
            Some(queue) => match queue.push_beside(&entry) {
                Pushed::Queued => return Ok(()),
                Pushed::Closed => Error::new(code::CLOSED, "the service is stopping"),
                // What is dropped for it would be lost in its place.
                _ => full(&queue, "the dead letter"),
            },
            None => {
                let (plugin, handler) = (&dead.plugin, &dead.handler);
                let message = format!("`{plugin}` does not run, or has no `{handler}` any more");
                Error::new(code::CONFLICT, message)
            }
        };
        self.dead.put_back(dead);
        Err(error)
    }

    /// Waits until everything is delivered, not longer than `patience`; how many events are not.
    pub(crate) async fn drain(&self, patience: Duration) -> usize {
        self.draining.cancel();
        let waiting = || -> Vec<Arc<Queue>> {
            let queues = self.queues();
            let waiting = queues.values().filter(|queue| queue.waiting() > 0);
            waiting.cloned().collect()
        };
        let all = async {
            // What is delivered may lead to further events, for those who were done.
            loop {
                let queues = waiting();
                if queues.is_empty() {
                    return;
                }
                for queue in queues {
                    queue.idle().await;
                }
            }
        };
        _ = tokio::time::timeout(patience, all).await;
        waiting().iter().map(|queue| queue.waiting()).sum()
    }

    /// From now on nothing is published or delivered.
    pub(crate) fn close(&self) {
        self.closed.cancel();
        let queues: Vec<_> = self.queues().values().cloned().collect();
        for queue in queues {
            queue.close();
        }
    }
}

#[cold]
fn full(queue: &Queue, what: &str) -> Error {
    let (capacity, _) = queue.terms();
    let message = format!(
        "no room for {what}: {capacity} events wait for `{}` already",
        queue.plugin
    );
    Error::new(code::EVENT_REJECTED, message).retryable()
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}
