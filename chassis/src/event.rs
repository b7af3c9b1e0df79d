//! Events: something that happened, told to whoever subscribed. Queued, so that who tells it never waits.

use serde::{Serialize, de::DeserializeOwned};

// Read from the top, as in `lib.rs`: each file uses only those below it.
mod report;
mod watch;
mod extract;
mod in_process;
mod serve;
mod outbox;
mod deliver;
mod bus;
mod remote;
mod line;
mod transport_point;
mod subscription;
mod message;
mod handle;
mod dead_letters;
mod guests;
mod queue;
mod receipt;
mod record;
mod transport;
mod topics;
mod topic;

pub(crate) use self::{
    bus::Bus,
    handle::Way,
    in_process::InProcess,
    serve::LOCAL,
    subscription::{EventFn, EventPoint, OnClosure, Subscription},
    transport_point::{Brought, TransportPoint},
    watch::{Watch, Watched},
};
pub use self::{
    dead_letters::DeadLetter,
    handle::{Events, Published},
    message::{FromMessage, Message},
    report::{EventsReport, SubscriberReport, TopicReport, TransportReport},
    topic::TopicPattern,
    transport::{
        EventDeliveries, EventDelivery, EventSubscription, EventTransport, Settled, WireEvent,
    },
};

/// Something that happened, as a type: with the topic that it is published under.
///
/// ```
/// use chassis::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// /// Somebody has ordered something.
/// #[derive(Debug, Serialize, Deserialize)]
/// struct OrderPlaced { number: u64 }
///
/// impl Event for OrderPlaced {
///     const TOPIC: &'static str = "order.placed";
/// }
///
/// /// Thanks people for their orders.
/// #[plugin]
/// async fn thanks(cx: &mut PluginContext) -> Result<()> {
///     cx.subscribe(async |order: Arc<OrderPlaced>| println!("thank you for {}", order.number));
///     Ok(())
/// }
///
/// /// Takes orders.
/// #[plugin]
/// async fn orders(cx: &mut PluginContext) -> Result<()> {
///     cx.post("/orders", async |events: Events| -> Result<&str> {
///         events.publish(OrderPlaced { number: 1 })?;
///         Ok("placed")
///     });
///     Ok(())
/// }
/// ```
///
/// Subscribers in other crates need not know the type: [`Contributions::on`](crate::Contributions::on) takes any type
/// that the event's JSON fits, or a [`Message`].
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Dotted words: `order.placed`.
    const TOPIC: &'static str;
}

/// The topics that only the chassis itself publishes under.
pub(crate) const OF_CHASSIS: &[&str] = &[
    "plugin.loaded",
    "plugin.starting",
    "plugin.started",
    "plugin.stopping",
    "plugin.stopped",
    "plugin.reloaded",
    "plugin.failed",
    "plugin.stalled",
    "plugin.resumed",
    "chassis.started",
    "chassis.stopping",
    "chassis.rolled_back",
    "chassis.rollback_failed",
    "config.changed",
    "health.changed",
    "service.registered",
    "service.deregistered",
    OF_REQUESTS[0],
    OF_REQUESTS[1],
];

/// Those of a request that was answered, and of one that the service failed at.
pub(crate) const OF_REQUESTS: [&str; 2] = ["request.completed", "request.failed"];
