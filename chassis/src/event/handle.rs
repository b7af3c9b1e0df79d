//! The way to publish.

use super::{
    Event, OF_CHASSIS,
    bus::{Bus, Outcome},
    message::{Behalf, EventRecord},
    topic::check_topic,
};
use crate::{
    error::{Error, Result, code},
    http::{Exchange, Known, RequestContext},
    scope::Scope,
};
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// What a plugin publishes events with. It is an extractor, [`Background::events`](crate::Background::events) gives it for
/// work outside of requests, and [`Message::events`](crate::Message::events) for what follows from an event. Cheap to
/// clone; a plugin may keep that of its background.
///
/// Publishing never waits: each plugin that subscribes has a queue of its own. Of one that is full `limits.when_full`
/// says what becomes of the event.
#[derive(Clone)]
pub struct Events {
    bus: Weak<Bus>,
    source: Arc<str>,
    behalf: Behalf,
    /// Cancelled when the generation serves that the instance was built for.
    serves: Option<CancellationToken>,
}

/// What became of an event that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// For how many plugins it was queued.
    pub queued: usize,
    /// For how many it was dropped, or an older one, because their queue was full.
    pub dropped: usize,
}

impl Events {
    pub(super) fn new(bus: Weak<Bus>, source: Arc<str>, behalf: Behalf) -> Self {
        Self {
            bus,
            source,
            behalf,
            serves: None,
        }
    }

    /// Outside of requests; of use once the generation serves that the instance was built for.
    pub(crate) fn outside(
        bus: Weak<Bus>,
        source: Arc<str>,
        serves: Option<CancellationToken>,
    ) -> Self {
        Self {
            serves,
            ..Self::new(bus, source, Behalf::default())
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
            return Ok(Outcome::default().into());
        };
        let record = EventRecord::typed(E::TOPIC, &self.source, &self.behalf, event);
        bus.publish(&scope, record).map(Into::into)
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
            return Ok(Outcome::default().into());
        };
        let record = EventRecord::typed(topic, &self.source, &self.behalf, event);
        bus.publish(&scope, record).map(Into::into)
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
            return Ok(Outcome::default().into());
        };
        let record = EventRecord::typed(E::TOPIC, &self.source, &self.behalf, event);
        let outcome = bus.publish_wait(scope, record, deadline).await;
        outcome.map(Into::into)
    }

    /// The bus and the generation that serves, if somebody wants to know of this topic.
    fn wanted(&self, topic: &str) -> Result<Option<(Arc<Bus>, Scope)>> {
        let serves = self.serves.as_ref();
        let bus = self.bus.upgrade().filter(|bus| {
            !bus.closed.is_cancelled() && serves.is_none_or(CancellationToken::is_cancelled)
        });
        let closed = || {
            Error::new(code::CLOSED, "the service does not run yet, or not any more")
                .in_plugin(Arc::clone(&self.source))
                .with_help(
                    "in `init` and `start` nothing can be published; a task waits with `serving().await`",
                )
        };
        let bus = bus.ok_or_else(closed)?;
        let scope = bus.enter()?;
        self.check(topic)?;
        if bus.is_wanted(&scope, topic) {
            return Ok(Some((bus, scope)));
        }
        bus.count(topic);
        Ok(None)
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

    fn of(cx: &RequestContext) -> Result<Self> {
        let scope = &cx.arrived.scope;
        let owner = cx.handling.info.as_ref().map(|info| &info.owner);
        let bus = Bus::of(scope).ok_or_else(|| Error::msg("there is no bus"))?;
        let source = owner.map_or_else(|| "service".into(), Arc::clone);
        let events = Self::new(Arc::downgrade(&bus), source, Behalf::default());
        Ok(events.within(scope))
    }
}

impl From<Outcome> for Published {
    fn from(Outcome { queued, dropped }: Outcome) -> Self {
        Self { queued, dropped }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Events {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(RequestContext::of(parts)?)
    }
}

impl Known for Events {
    fn known(exchange: &Exchange) -> Option<Result<Self>> {
        Some(Self::of(exchange.context()))
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
