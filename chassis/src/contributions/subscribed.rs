//! Subscriptions to events, and what can still be said of one once it is made; transports of events.

use super::{Contributions, Place, Placed};
use crate::{
    event::{
        Brought, Event, EventFn, EventTransport, FromMessage, Message, OnClosure, Subscription,
    },
    point::{IntoDone, handler},
    points,
};
use std::{marker::PhantomData, sync::Arc, time::Duration};

impl Contributions {
    /// Subscribes to the events of a type. They come one after the other, in the order in which they were published.
    #[track_caller]
    pub fn subscribe<E, F, Fut>(&mut self, handler: F) -> Subscribed<'_>
    where
        E: Event,
        F: FnOnce(Arc<E>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: IntoDone> + Send + 'static,
    {
        self.listen(
            E::TOPIC,
            Some(std::any::type_name::<E>()),
            Place::caller(),
            handler,
        )
    }

    /// Subscribes to events by their topic: `order.placed` is that one, `order.*` has one more word, `order.**` one or
    /// more. The handler takes an `Arc` of any type that the event fits, a [`Message`](crate::Message), or both as a
    /// tuple. A malformed pattern is an error at start.
    #[track_caller]
    pub fn on<M, F, Fut>(&mut self, topic: &str, handler: F) -> Subscribed<'_>
    where
        M: FromMessage + Send + 'static,
        F: FnOnce(M) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: IntoDone> + Send + 'static,
    {
        self.listen(topic, None, Place::caller(), handler)
    }

    fn listen<M, F, Fut>(
        &mut self,
        topic: &str,
        of: Option<&'static str>,
        place: Place,
        handler: F,
    ) -> Subscribed<'_>
    where
        M: FromMessage + Send + 'static,
        F: FnOnce(M) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output: IntoDone> + Send + 'static,
    {
        let handler = OnClosure {
            handler,
            takes: PhantomData,
        };
        self.subscription(topic, place, of, Arc::new(handler))
    }

    /// Brings a transport of events: what carries them between services. It is used if `events.transport` says the name of
    /// this plugin, from the moment when the generation serves that this instance is built for, until the next one does; then
    /// it is closed, before `stop`. One publishing has a deadline of 5 s, unless it is said otherwise.
    #[track_caller]
    pub fn event_transport(&mut self, transport: impl EventTransport) -> Placed<'_> {
        let brought = Brought(Arc::new(transport));
        let point = points::EVENTS_TRANSPORT.name;
        self.add(point, Place::caller(), brought, handler::DEADLINE)
    }

    pub(crate) fn subscription(
        &mut self,
        topic: &str,
        place: Place,
        of: Option<&'static str>,
        handler: EventFn,
    ) -> Subscribed<'_> {
        let at = format!("{}:{}", place.file, place.line);
        let subscription = Subscription::new(topic, &at, of, handler);
        let placed = self.add(points::EVENTS.name, place, subscription, handler::DEADLINE);
        Subscribed { placed }
    }
}

/// A subscription that was just made: when it wants to be told, and how often.
#[derive(Debug)]
pub struct Subscribed<'t> {
    pub(super) placed: Placed<'t>,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "it is made already; what follows is by the way"
)]
impl Subscribed<'_> {
    /// How often it is tried again when it fails; then the event is a dead letter. Meanwhile what comes after it waits:
    /// the order is kept. Default: 0.
    pub fn retries(self, retries: u32) -> Self {
        self.change(|subscription| subscription.retries = retries)
    }

    /// How long until it is tried again, and twice as long before each further attempt, up to 5 minutes. Default: 1 s.
    pub fn backoff(self, backoff: Duration) -> Self {
        self.change(|subscription| subscription.backoff = backoff)
    }

    /// Which events are wanted, beside their topic. A panic in it counts as one of the handler.
    pub fn when(self, when: impl Fn(&Message) -> bool + Send + Sync + 'static) -> Self {
        self.change(|subscription| subscription.when = Some(Arc::new(when)))
    }

    /// How long one call may take. Default: 5 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.placed = self.placed.deadline(deadline);
        self
    }

    /// Among the handlers of this plugin that want the same event: lower comes first; the default is 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.placed = self.placed.priority(priority);
        self
    }

    fn change(self, change: impl FnOnce(&mut Subscription)) -> Self {
        // Nobody else has it yet.
        let handler = Arc::get_mut(&mut self.placed.contribution.handler);
        if let Some(subscription) = handler.and_then(|handler| handler.downcast_mut()) {
            change(subscription);
        }
        self
    }
}
