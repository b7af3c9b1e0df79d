//! The way to publish.

use super::{
    Event, OF_CHASSIS,
    record::{Behalf, EventRecord},
    topic::check_topic,
    topics::Topics,
};
use crate::{
    call::BoxFuture,
    error::{Error, Result, code},
    scope::Scope,
};
use serde::Serialize;
use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Where events go: the bus, as those below it know it.
pub(crate) trait Outlet: Send + Sync {
    fn is_closed(&self) -> bool;

    /// The generation that serves now, if somebody wants to know of this topic. If nobody does, the event is counted, and
    /// that was all.
    fn wanted(&self, topic: &str) -> Result<Option<Scope>>;

    /// Queues an event for all who want it, and never waits.
    fn publish(&self, scope: &Scope, record: EventRecord) -> Result<Published>;

    /// Queues an event for all who want it, and waits until there is room; not longer than `deadline`.
    fn publish_wait(
        &self,
        scope: Scope,
        record: EventRecord,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Published>>;
}

/// The way to the bus, for those whom the bus must outlive: with what is known of topics, which is asked first.
#[derive(Clone)]
pub(crate) struct Way {
    bus: Weak<dyn Outlet>,
    topics: Arc<Topics>,
}

impl Way {
    pub(super) fn new(bus: Weak<dyn Outlet>, topics: &Arc<Topics>) -> Self {
        Self {
            bus,
            topics: Arc::clone(topics),
        }
    }
}

/// When an instance may begin to publish.
#[derive(Clone)]
struct Serves {
    /// Cancelled when the generation serves that it was built for.
    token: CancellationToken,
    /// Set once that was seen: the token has a lock.
    seen: OnceLock<()>,
}

impl Serves {
    #[inline]
    fn is_so(&self) -> bool {
        self.seen.get().is_some() || self.look()
    }

    #[cold]
    fn look(&self) -> bool {
        let serves = self.token.is_cancelled();
        if serves {
            // Somebody else may have seen it meanwhile.
            _ = self.seen.set(());
        }
        serves
    }
}

/// What a plugin publishes events with. It is an extractor, [`Background::events`](crate::Background::events) gives it for
/// work outside of requests, and [`Message::events`](crate::Message::events) for what follows from an event. Cheap to
/// clone; a plugin may keep that of its background.
///
/// Publishing never waits: each plugin that subscribes has a queue of its own. Of one that is full `limits.when_full`
/// says what becomes of the event.
#[derive(Clone)]
pub struct Events {
    way: Way,
    source: Arc<str>,
    behalf: Behalf,
    /// None outside of instances.
    serves: Option<Serves>,
}

/// What became of an event that was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// For how many plugins it was queued.
    pub queued: usize,
    /// For how many it was dropped, or an older one, because their queue was full.
    pub dropped: usize,
}

impl Events {
    pub(super) fn new(way: Way, source: Arc<str>, behalf: Behalf) -> Self {
        Self {
            way,
            source,
            behalf,
            serves: None,
        }
    }

    /// Outside of requests; of use once the generation serves that the instance was built for.
    pub(crate) fn outside(way: Way, source: Arc<str>, serves: Option<CancellationToken>) -> Self {
        Self {
            serves: serves.map(|token| Serves {
                token,
                seen: OnceLock::new(),
            }),
            ..Self::new(way, source, Behalf::default())
        }
    }

    /// The same on behalf of the request or event that a scope belongs to: with its id, and its trace.
    #[must_use]
    pub fn within(&self, scope: &Scope) -> Self {
        let behalf = Behalf {
            correlation_id: self.behalf.correlation_id.clone(),
            ..Behalf::of(scope)
        };
        Self {
            behalf,
            ..self.clone()
        }
    }

    /// Tells of something that happened. It is queued for each plugin that wants to know, and this does not wait.
    ///
    /// # Errors
    ///
    /// If the queue of a subscriber is full and `limits.when_full` of its plugin is `reject`; the others are told all the
    /// same. Also before the generation serves that the instance was built for, and when nothing serves any more.
    pub fn publish<E: Event>(&self, event: E) -> Result<Published> {
        let Some((bus, scope)) = self.wanted(E::TOPIC)? else {
            return Ok(Published::default());
        };
        let record = EventRecord::typed(E::TOPIC, &self.source, &self.behalf, event);
        bus.publish(&scope, record)
    }

    /// The same under a topic that is known only now; what is published is anything with a JSON form.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and if the topic is malformed or the chassis's own.
    pub fn publish_as<E>(&self, topic: &str, event: E) -> Result<Published>
    where
        E: Serialize + Send + Sync + 'static,
    {
        let Some((bus, scope)) = self.wanted(topic)? else {
            return Ok(Published::default());
        };
        let record = EventRecord::typed(topic, &self.source, &self.behalf, event);
        bus.publish(&scope, record)
    }

    /// Waits until there is room in the queues of all who want to know: for events that must not be lost.
    ///
    /// A handler of events that waits for room in its own queue waits in vain: nothing is taken out of it before the handler
    /// has ended.
    ///
    /// # Errors
    ///
    /// If a queue has no room within `deadline`; the error names the plugin, and the others are told all the same. Else as
    /// [`publish`](Self::publish).
    pub async fn publish_wait<E: Event>(&self, event: E, deadline: Duration) -> Result<Published> {
        let Some((bus, scope)) = self.wanted(E::TOPIC)? else {
            return Ok(Published::default());
        };
        let record = EventRecord::typed(E::TOPIC, &self.source, &self.behalf, event);
        bus.publish_wait(scope, record, deadline).await
    }

    /// The bus and the generation that serves, if somebody wants to know of this topic.
    #[inline]
    fn wanted(&self, topic: &str) -> Result<Option<(Arc<dyn Outlet>, Scope)>> {
        let serves = self.serves.as_ref().is_none_or(Serves::is_so);
        if serves && self.way.topics.count_unheard(topic) {
            return Ok(None);
        }
        self.heard(topic, serves)
    }

    /// The same of a topic of which it is not known that nobody wants to know of it.
    #[inline(never)]
    fn heard(&self, topic: &str, serves: bool) -> Result<Option<(Arc<dyn Outlet>, Scope)>> {
        let bus = self.way.bus.upgrade().filter(|_| serves);
        let bus = bus.filter(|bus| !bus.is_closed());
        let closed = || {
            Error::new(code::CLOSED, "the service does not run yet, or not any more")
                .in_plugin(Arc::clone(&self.source))
                .with_help(
                    "in `init` and `start` nothing can be published; a task waits with `serving().await`",
                )
        };
        let bus = bus.ok_or_else(closed)?;
        self.check(topic)?;
        let scope = bus.wanted(topic)?;
        Ok(scope.map(|scope| (bus, scope)))
    }

    fn check(&self, topic: &str) -> Result<()> {
        check_topic(topic).map_err(|error| error.in_plugin(Arc::clone(&self.source)))?;
        if OF_CHASSIS.contains(&topic) {
            let message = format!("only the chassis itself publishes `{topic}`");
            return Err(Error::new(code::EVENT_TOPIC, message)
                .in_plugin(Arc::clone(&self.source))
                .with_help("choose a topic of your own"));
        }
        Ok(())
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
