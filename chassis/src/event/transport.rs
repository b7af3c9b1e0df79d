//! What carries events between services: the contract that every transport keeps.

use super::topic::TopicPattern;
use crate::{
    call::BoxFuture,
    error::{Error, Result, code},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// What carries events between services, in place of the queues inside of one: a broker, or anything else that keeps this
/// contract. A plugin brings it, with [`Contributions::event_transport`](crate::Contributions::event_transport), and
/// `events.transport: NAME` chooses it.
///
/// # The contract
///
/// - **At least once.** Once [`publish`](Self::publish) has returned `Ok`, each group that is subscribed gets the event,
///   until one of its members has settled it as [`Done`](Settled::Done). An event that was handed out and is not settled as done
///   (settled as [`Again`](Settled::Again), dropped, or its member is gone) comes again, to any member of the group. So an
///   event may come twice.
/// - **Groups.** Each group gets each event that it wants; of the members of one group one gets it.
/// - **Order.** One member of a group, alone, gets the events of one publisher in the order in which they were published; what
///   comes again may come later.
/// - **Subscribed means subscribed.** What is published after [`subscribe`](Self::subscribe) has returned is delivered.
///   Whether a group that nobody is a member of misses what is published meanwhile is the transport's own matter.
/// - **Nothing is changed.** A [`WireEvent`] comes as it was published.
/// - **Its end.** [`close`](Self::close) returns when everything is on its way whose `publish` has returned `Ok`. From then on
///   `publish` and `subscribe` fail with the code `closed`, streams end, and other ends go on. Closing twice is no error.
///
/// Every future may be dropped before it is ready: the chassis gives up what takes longer than the deadline, and tries again.
/// Of `publish` the event may then be on its way or not.
///
/// `chassis::testing::transport_conformance` (feature `testing`) checks a transport against all of this.
pub trait EventTransport: Send + Sync + 'static {
    /// Has an event carried to all who want it. Events are published one after the other.
    ///
    /// # Errors
    ///
    /// If it can't be. One that is [retryable](Error::retryable), and one of the deadline, is tried again until it succeeds, and
    /// what comes after it waits. Any other makes a dead letter of the event.
    fn publish<'a>(&'a self, event: &'a WireEvent) -> BoxFuture<'a, Result<()>>;

    /// Makes a further member of a group.
    ///
    /// # Errors
    ///
    /// If it can't be. It is tried again.
    fn subscribe<'a>(
        &'a self,
        subscription: &'a EventSubscription,
    ) -> BoxFuture<'a, Result<Box<dyn EventDeliveries>>>;

    /// Sends what is on its way, and ends. Called once nothing is published any more, and everything that was handed out is
    /// settled, or took too long.
    ///
    /// # Errors
    ///
    /// If something could not be sent.
    fn close(&self) -> BoxFuture<'_, Result<()>>;
}

impl<T: EventTransport + ?Sized> EventTransport for Arc<T> {
    fn publish<'a>(&'a self, event: &'a WireEvent) -> BoxFuture<'a, Result<()>> {
        (**self).publish(event)
    }

    fn subscribe<'a>(
        &'a self,
        subscription: &'a EventSubscription,
    ) -> BoxFuture<'a, Result<Box<dyn EventDeliveries>>> {
        (**self).subscribe(subscription)
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        (**self).close()
    }
}

/// What comes to one member of a group. To drop it ends the membership; what it has handed out can still be settled.
pub trait EventDeliveries: Send {
    /// The next event, as soon as there is one; none at the end, after which the chassis subscribes anew, unless it has
    /// closed the transport. If its future is dropped, no event is lost.
    fn next(&mut self) -> BoxFuture<'_, Option<EventDelivery>>;
}

/// An event as it travels: what its JSON form has is all there is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WireEvent {
    /// 1 to 64 letters, digits, `-`, `_` or `.`: the same for all who get it, however often.
    pub id: String,
    /// What it was published under.
    pub topic: String,
    /// The plugin that published it.
    pub source: String,
    /// When, in milliseconds since 1970.
    pub time: u64,
    /// The request on whose behalf it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What all events have in common that follow from one request, or from one event.
    pub correlation_id: String,
    /// The trace that it belongs to, as in the header of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What systems of tracing have written into that trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// What happened.
    pub event: Arc<Value>,
}

impl WireEvent {
    /// An event of now that belongs to no request.
    pub fn new(
        id: impl Into<String>,
        topic: impl Into<String>,
        source: impl Into<String>,
        event: impl Into<Value>,
    ) -> Self {
        let id = id.into();
        Self {
            correlation_id: id.clone(),
            id,
            topic: topic.into(),
            source: source.into(),
            time: crate::text::millis_since_1970(std::time::SystemTime::now()),
            request_id: None,
            traceparent: None,
            tracestate: None,
            event: Arc::new(event.into()),
        }
    }
}

impl fmt::Debug for WireEvent {
    // Without what happened: there may be a secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WireEvent")
            .field("topic", &self.topic)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What a member of a group wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventSubscription {
    /// Who shares the events: `orders.thanks` for the plugin `thanks` of all services called `orders`.
    pub group: Arc<str>,
    /// The topics: `order.placed` is that one, `order.*` has one more word, `order.**` one or more.
    pub patterns: Vec<Arc<str>>,
}

impl EventSubscription {
    /// Of this group, for topics that fit one of these patterns.
    pub fn new<P: AsRef<str>>(
        group: impl Into<Arc<str>>,
        patterns: impl IntoIterator<Item = P>,
    ) -> Self {
        let patterns = patterns.into_iter();
        Self {
            group: group.into(),
            patterns: patterns.map(|pattern| pattern.as_ref().into()).collect(),
        }
    }

    /// Whether it wants events of this topic: for transports whose own patterns mean something else. One that is malformed fits
    /// nothing.
    pub fn wants(&self, topic: &str) -> bool {
        let mut patterns = self
            .patterns
            .iter()
            .filter_map(|one| TopicPattern::parse(one).ok());
        patterns.any(|pattern| pattern.matches(topic))
    }
}

/// What became of an event that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was delivered: it does not come again.
    Done,
    /// It was not: it is to come again, here or to another member of the group.
    Again,
}

/// An event that was handed out, to be settled. Dropped, it is settled as [`Again`](Settled::Again).
pub struct EventDelivery {
    event: WireEvent,
    settle: Option<Box<dyn FnOnce(Settled) + Send>>,
}

impl EventDelivery {
    /// An event, and what is to be done once it is known what became of it. That must not wait, and not panic.
    pub fn new(event: WireEvent, settle: impl FnOnce(Settled) + Send + 'static) -> Self {
        Self {
            event,
            settle: Some(Box::new(settle)),
        }
    }

    /// The event.
    pub fn event(&self) -> &WireEvent {
        &self.event
    }

    /// Says what became of it.
    pub fn settle(mut self, settled: Settled) {
        if let Some(settle) = self.settle.take() {
            settle(settled);
        }
    }
}

impl Drop for EventDelivery {
    fn drop(&mut self) {
        if let Some(settle) = self.settle.take() {
            settle(Settled::Again);
        }
    }
}

impl fmt::Debug for EventDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventDelivery").field(&self.event).finish()
    }
}

/// What a transport says once it is closed.
pub(super) fn closed() -> Error {
    Error::new(code::CLOSED, "the transport of events is closed")
}
