//! The bus of one chassis: a queue for each plugin that subscribes, whatever generation it is of.

use super::{
    dead_letters::DeadLetters,
    guests::Guests,
    handle::{Outlet, Published, Way},
    queue::{Entry, Pushed, Queue},
    record::{Behalf, EventRecord},
    remote::Remote,
    subscription::{EventPoint, Subscribers},
    topics::Topics,
    transport_point::TransportPoint,
};
use crate::{
    call::BoxFuture,
    error::{Error, Result, code},
    scope::Scope,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Notify, broadcast},
};
use tokio_util::sync::CancellationToken;

/// How many events a stream may be behind before it loses some.
const STREAM: usize = 256;

pub(crate) struct Bus {
    /// Itself, for the tasks that deliver.
    pub(super) this: Weak<Self>,
    /// Where subscribers stand in a generation.
    pub(super) point: &'static EventPoint,
    pub(super) workers: Handle,
    /// The generation that serves.
    enter: Box<dyn Fn() -> Option<Scope> + Send + Sync>,
    queues: Mutex<BTreeMap<Arc<str>, Arc<Queue>>>,
    /// Who wants events beside the plugins.
    pub(super) guests: Guests,
    /// Where transports stand in a generation.
    pub(super) transports: &'static TransportPoint,
    /// The way to other services.
    pub(super) remote: Remote,
    pub(super) dead: DeadLetters,
    pub(super) streams: broadcast::Sender<Arc<EventRecord>>,
    /// How many look on.
    pub(super) watchers: Arc<AtomicUsize>,
    pub(super) topics: Arc<Topics>,
    /// Told when another generation serves.
    pub(super) served: Notify,
    /// Cancelled when the end is near.
    pub(super) draining: CancellationToken,
    pub(super) closed: CancellationToken,
}

impl Bus {
    pub(crate) fn new(
        (point, transports): (&'static EventPoint, &'static TransportPoint),
        workers: Handle,
        enter: impl Fn() -> Option<Scope> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            point,
            workers,
            enter: Box::new(enter),
            queues: Mutex::default(),
            guests: Guests::default(),
            transports,
            remote: Remote::default(),
            dead: DeadLetters::default(),
            streams: broadcast::Sender::new(STREAM),
            watchers: Arc::default(),
            topics: Arc::default(),
            served: Notify::new(),
            draining: CancellationToken::new(),
            closed: CancellationToken::new(),
        })
    }

    /// The bus of the chassis that a scope belongs to.
    pub(crate) fn of(scope: &Scope) -> Option<Arc<Self>> {
        Arc::clone(scope.world.bus()).downcast().ok()
    }

    /// What those keep of it who publish.
    pub(crate) fn way(&self) -> Way {
        Way::new(Weak::clone(&self.this) as _, &self.topics)
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
            || self.guests.any()
            || self
                .subscribers(scope)
                .is_some_and(|subscribers| subscribers.want(topic))
    }

    /// The bus, if somebody wants to know of each request: asked of each, so that the answer is ready.
    #[inline]
    pub(crate) fn of_requests(scope: &Scope) -> Option<&Self> {
        let bus: &Self = scope.world.bus().downcast_ref()?;
        let is_wanted = bus.watchers.load(Relaxed) > 0
            || bus.guests.any()
            || bus.subscribers(scope).is_some_and(|all| all.want_requests);
        is_wanted.then_some(bus)
    }

    /// Tells of something that the chassis itself knows of, if somebody wants to know. The subscribers are those of `scope`.
    pub(crate) fn tell(&self, scope: &Scope, topic: &str, event: impl FnOnce() -> Value) {
        if self.closed.is_cancelled() || !self.is_wanted(scope, topic) {
            return;
        }
        let behalf = Behalf::of(scope);
        let record = EventRecord::json(topic, &"chassis".into(), &behalf, event());
        // It is of this service, and does not travel.
        let record = self.begin(record);
        if let Err(error) = self.push(&record, &self.wanting(scope, topic)) {
            tracing::warn!(topic, error = %error.line(), "an event of the chassis was refused");
        }
    }

    /// The same, of something that concerns the generation that serves now; before one does nobody is told.
    pub(crate) fn tell_now(&self, topic: &str, event: impl FnOnce() -> Value) {
        if let Ok(scope) = self.enter() {
            self.tell(&scope, topic, event);
        }
    }

    /// Queues an event for all of these, and never waits.
    fn push(&self, record: &Arc<EventRecord>, queues: &[Arc<Queue>]) -> Result<Published> {
        let mut outcome = Published::default();
        let mut refused = Vec::new();
        for queue in queues {
            match queue.push(Entry::new(Arc::clone(record))) {
                Pushed::Queued => outcome.queued += 1,
                Pushed::Dropped => outcome.dropped += 1,
                Pushed::Rejected => refused.push(full(queue, &format!("`{}`", record.topic))),
                Pushed::Closed => refused.extend(self.closed()),
            }
        }
        Error::all(refused).map_or(Ok(outcome), Err)
    }

    /// Queues an event for all of these, as soon as there is room.
    async fn push_in_time(
        &self,
        record: &Arc<EventRecord>,
        queues: &[Arc<Queue>],
        deadline: Duration,
    ) -> Result<Published> {
        let until = tokio::time::Instant::now() + deadline;
        let mut outcome = Published::default();
        let mut late = Vec::new();
        for queue in queues {
            let pushed = queue.push_wait(Entry::new(Arc::clone(record)));
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

    /// An event that did not travel after all, for those who are here.
    pub(super) fn give_here(&self, record: &Arc<EventRecord>) {
        let Ok(scope) = self.enter() else {
            return;
        };
        let queues = self.wanting(&scope, &record.topic);
        if let Err(error) = self.push(record, &queues) {
            tracing::warn!(topic = record.topic(), error = %error.line(), "an event was refused");
        }
    }

    /// Why a queue may be closed: its plugin does not subscribe any more, which is no error, or nobody does.
    fn closed(&self) -> Option<Error> {
        let is_closed = self.closed.is_cancelled();
        is_closed.then(|| Error::new(code::CLOSED, "the service does not run any more"))
    }

    /// Counts an event, and shows it to those who look on.
    fn begin(&self, record: EventRecord) -> Arc<EventRecord> {
        self.topics.count(&record.topic);
        let record = Arc::new(record);
        if self.watchers.load(Relaxed) > 0 {
            // Nobody may be listening any more: no matter.
            _ = self.streams.send(Arc::clone(&record));
        }
        record
    }

    /// The queues of all who are here and want this topic.
    fn wanting(&self, scope: &Scope, topic: &str) -> Vec<Arc<Queue>> {
        let wanting = self.subscribers(scope);
        let wanting = wanting.map(|subscribers| subscribers.wanting(topic));
        let all = self.queues();
        let queues = wanting.into_iter().flatten();
        let queues = queues.filter_map(|plugin| all.get(plugin).cloned());
        let mut queues: Vec<_> = queues.collect();
        drop(all);
        if self.guests.any() {
            queues.extend(self.guests.wanting(topic));
        }
        queues
    }

    /// The queues for what a plugin publishes: that to other services, or those of all who are here.
    fn queues_for(&self, scope: &Scope, topic: &str) -> Vec<Arc<Queue>> {
        match self.remote.outbox() {
            Some(outbox) => vec![Arc::clone(outbox)],
            None => self.wanting(scope, topic),
        }
    }
}

impl Drop for Bus {
    /// Who publishes still is told that there is nothing any more.
    fn drop(&mut self) {
        self.topics.close();
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
        let changes = self.topics.changes();
        let scope = self.enter()?;
        if self.remote.outbox().is_some() || self.is_wanted(&scope, topic) {
            return Ok(Some(scope));
        }
        self.topics.count(topic);
        self.topics.is_unheard(topic, changes);
        Ok(None)
    }

    fn publish(&self, scope: &Scope, record: EventRecord) -> Result<Published> {
        let queues = self.queues_for(scope, &record.topic);
        self.push(&self.begin(record), &queues)
    }

    fn publish_wait(
        &self,
        scope: Scope,
        record: EventRecord,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Published>> {
        let queues = self.queues_for(&scope, &record.topic);
        // What waits for room must not hold a generation.
        drop(scope);
        let record = self.begin(record);
        Box::pin(async move { self.push_in_time(&record, &queues, deadline).await })
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}
