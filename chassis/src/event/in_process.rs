//! The bus itself as a transport: what the contract of transports is for the queues inside of one process.

use super::{
    bus::Bus,
    handle::Outlet as _,
    queue::{Entry, Queue},
    record::EventRecord,
    transport::{
        EventDeliveries, EventDelivery, EventSubscription, EventTransport, Settled, WireEvent,
        closed,
    },
};
use crate::{call::BoxFuture, error::Result};
use std::sync::{Arc, Weak};
use tokio_util::sync::CancellationToken;

/// One end of the bus.
pub(crate) struct InProcess {
    bus: Weak<Bus>,
    closed: CancellationToken,
}

impl InProcess {
    pub(crate) fn new(bus: &Arc<Bus>) -> Self {
        Self {
            bus: Arc::downgrade(bus),
            closed: bus.closed.child_token(),
        }
    }

    fn bus(&self) -> Result<Arc<Bus>> {
        let bus = self.bus.upgrade();
        bus.filter(|_| !self.closed.is_cancelled())
            .ok_or_else(closed)
    }
}

impl EventTransport for InProcess {
    fn publish<'a>(&'a self, event: &'a WireEvent) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let bus = self.bus()?;
            let record = EventRecord::from_wire(event)?;
            if let Some(scope) = bus.wanted(record.topic())? {
                bus.publish(&scope, record)?;
            }
            Ok(())
        })
    }

    fn subscribe<'a>(
        &'a self,
        subscription: &'a EventSubscription,
    ) -> BoxFuture<'a, Result<Box<dyn EventDeliveries>>> {
        Box::pin(async move {
            let bus = self.bus()?;
            let queue = bus.guests.enter(subscription)?;
            bus.topics.change();
            Ok(Box::new(Guest {
                bus: Weak::clone(&self.bus),
                group: Arc::clone(&subscription.group),
                queue,
                closed: self.closed.clone(),
            }) as _)
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        // What is published is in the queues already.
        self.closed.cancel();
        Box::pin(async { Ok(()) })
    }
}

/// A member of a group.
struct Guest {
    bus: Weak<Bus>,
    group: Arc<str>,
    queue: Arc<Queue>,
    closed: CancellationToken,
}

impl Guest {
    async fn take(&self) -> Option<EventDelivery> {
        loop {
            let entry = self.queue.next().await?;
            let held = Held {
                queue: Arc::clone(&self.queue),
                entry: Some(entry),
            };
            let wire = held.entry.as_ref().map(|entry| entry.record.wire());
            match wire? {
                Ok(wire) => {
                    return Some(EventDelivery::new(wire, move |settled| {
                        held.settle(settled);
                    }));
                }
                Err(error) => {
                    tracing::error!(group = %self.group, error = %error.line(), "an event has no form to travel in, and is lost");
                    held.settle(Settled::Done);
                }
            }
        }
    }
}

impl EventDeliveries for Guest {
    fn next(&mut self) -> BoxFuture<'_, Option<EventDelivery>> {
        Box::pin(async {
            tokio::select! {
                biased;
                () = self.closed.cancelled() => None,
                delivery = self.take() => delivery,
            }
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(bus) = self.bus.upgrade() {
            bus.guests.leave(&self.group);
        }
    }
}

/// An entry that was taken out of the queue of a group: put back there unless it is done with.
struct Held {
    queue: Arc<Queue>,
    entry: Option<Entry>,
}

impl Held {
    fn settle(mut self, settled: Settled) {
        if settled == Settled::Done {
            self.entry = None;
            self.queue.done();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.queue.put_back(entry);
        }
    }
}
