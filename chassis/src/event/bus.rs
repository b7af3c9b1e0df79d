//! The bus of one chassis: a queue for each plugin that subscribes, whatever generation it is of.

use super::{
    dead_letters::DeadLetters,
    handle::{Outlet, Published},
    queue::{Entry, Pushed, Queue},
    record::{Behalf, EventRecord},
    subscription::{EventPoint, Subscribers},
};
use crate::{
    call::BoxFuture,
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

pub(crate) struct Bus {
    /// Itself, for the tasks that deliver.
    pub(super) this: Weak<Self>,
    /// Where subscribers stand in a generation.
    pub(super) point: &'static EventPoint,
    pub(super) workers: Handle,
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

    pub(super) fn queues(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Queue>>> {
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
        let behalf = Behalf {
            request_id: scope.request_id().cloned(),
            correlation_id: None,
        };
        let record = EventRecord::json(topic, &"chassis".into(), &behalf, event());
        if let Err(error) = self.push_all(scope, record) {
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
    fn push_all(&self, scope: &Scope, record: EventRecord) -> Result<Published> {
        let (record, queues) = self.begin(scope, record);
        let topic = Arc::clone(&record.topic);
        let mut outcome = Published::default();
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

    /// Queues an event for each plugin that wants it, as soon as there is room.
    async fn push_all_in_time(
        &self,
        scope: Scope,
        record: EventRecord,
        deadline: Duration,
    ) -> Result<Published> {
        let (record, queues) = self.begin(&scope, record);
        // What waits for room must not hold a generation.
        drop(scope);
        let until = tokio::time::Instant::now() + deadline;
        let mut outcome = Published::default();
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
}

#[cold]
pub(super) fn full(queue: &Queue, what: &str) -> Error {
    let (capacity, _) = queue.terms();
    let message = format!(
        "no room for {what}: {capacity} events wait for `{}` already",
        queue.plugin
    );
    Error::new(code::EVENT_REJECTED, message).retryable()
}

impl Outlet for Bus {
    fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    fn wanted(&self, topic: &str) -> Result<Option<Scope>> {
        let scope = self.enter()?;
        if self.is_wanted(&scope, topic) {
            return Ok(Some(scope));
        }
        self.count(topic);
        Ok(None)
    }

    fn publish(&self, scope: &Scope, record: EventRecord) -> Result<Published> {
        self.push_all(scope, record)
    }

    fn publish_wait(
        &self,
        scope: Scope,
        record: EventRecord,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Published>> {
        Box::pin(self.push_all_in_time(scope, record, deadline))
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}
