//! The line to other services: the transport of a generation, and those who take part in it here.

use super::{
    queue::{Entry, Queue},
    receipt::{Owed, Owing, Receipt},
    record::EventRecord,
    transport::{EventDeliveries, EventDelivery, EventSubscription},
    transport_point::Carrier,
};
use crate::{
    call::Site,
    error::{Error, Result},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// How long until a transport is asked again that has failed, the first time, and at most.
pub(super) const PAUSES: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(30));

pub(super) struct Line {
    carrier: Carrier,
    owed: Arc<Owed>,
    /// Those who have not subscribed yet.
    joining: Arc<Owed>,
    /// One for each plugin that subscribes.
    members: Mutex<BTreeMap<Arc<str>, Member>>,
}

/// A task that takes what comes for one plugin.
pub(super) struct Member {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Member {
    /// Has it take nothing more.
    pub(super) async fn end(mut self) {
        self.stop.cancel();
        // Its panics are caught, and told of.
        _ = (&mut self.task).await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Line {
    pub(super) fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            owed: Arc::default(),
            joining: Arc::default(),
            members: Mutex::default(),
        }
    }

    pub(super) fn plugin(&self) -> &Arc<str> {
        &self.carrier.site.plugin
    }

    /// Whether another line has the same transport.
    pub(super) fn shares_transport(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.carrier.transport, &other.carrier.transport)
    }

    /// Has an event carried to other services, once those who are here have subscribed, or failed to: they are to get it, too.
    pub(super) async fn carry(&self, record: &EventRecord) -> Result<()> {
        self.joining.nothing().await;
        let _owing = self.owed.begin();
        let Carrier { transport, site } = &self.carrier;
        let carried = site.run(async {
            // What is serialised here is code of plugins.
            transport.publish(&record.wire()?).await
        });
        carried.await
    }

    /// Takes what comes for a plugin into its queue, once who did so before has ended.
    pub(super) fn take_part(
        &self,
        subscription: EventSubscription,
        queue: Arc<Queue>,
        before: Option<Member>,
        stop: CancellationToken,
        (received, workers): (Arc<AtomicU64>, &Handle),
    ) {
        let plugin = Arc::clone(&queue.plugin);
        let Carrier { transport, site } = &self.carrier;
        // Without a deadline: it may be long before there is an event.
        let waits = Site::with(
            Arc::clone(&site.plugin),
            Arc::clone(&site.place),
            None,
            Arc::default(),
        );
        let taking = Taking {
            carrier: Carrier {
                transport: Arc::clone(transport),
                site: Arc::clone(site),
            },
            waits,
            subscription,
            queue,
            owed: Arc::clone(&self.owed),
            received,
        };
        let (until, joining) = (stop.clone(), self.joining.begin());
        let task = workers.spawn(async move {
            if let Some(before) = before {
                before.end().await;
            }
            tokio::select! {
                () = taking.run(joining) => {}
                () = until.cancelled() => {}
            }
        });
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.insert(plugin, Member { stop, task });
    }

    /// Those who take part: they do until they are ended.
    pub(super) fn members(&self) -> BTreeMap<Arc<str>, Member> {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *members)
    }

    /// Ends it once nothing is owed to it any more, and after so long all the same.
    pub(super) async fn end(&self, patience: Duration) {
        for member in self.members().into_values() {
            member.end().await;
        }
        let plugin = self.plugin();
        let paid = tokio::time::timeout(patience, self.owed.nothing()).await;
        if paid.is_err() {
            tracing::warn!(%plugin, "the transport of events ends before everything is settled that it has brought; that comes again");
        }
        let Carrier { transport, site } = &self.carrier;
        if let Err(error) = site.run(transport.close()).await {
            let error = error.line_of(plugin);
            tracing::error!(%plugin, error, "the transport of events did not end well");
        }
    }
}

/// What one of the tasks works with.
struct Taking {
    carrier: Carrier,
    waits: Site,
    subscription: EventSubscription,
    queue: Arc<Queue>,
    owed: Arc<Owed>,
    received: Arc<AtomicU64>,
}

impl Taking {
    async fn run(&self, joining: Owing) {
        let mut pause = PAUSES.0;
        let mut joining = Some(joining);
        loop {
            let subscribed = self.subscribe().await;
            drop(joining.take());
            match subscribed {
                Ok(mut deliveries) => {
                    if self.take_all(&mut *deliveries).await {
                        pause = PAUSES.0;
                    }
                }
                Err(error) => {
                    let error = error.line_of(&self.waits.plugin);
                    tracing::warn!(plugin = %self.waits.plugin, group = %self.subscription.group, error, "can't subscribe to events; trying again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn subscribe(&self) -> Result<Box<dyn EventDeliveries>> {
        let Carrier { transport, site } = &self.carrier;
        site.run(transport.subscribe(&self.subscription)).await
    }

    /// Takes what comes until nothing does any more; whether something came.
    async fn take_all(&self, deliveries: &mut dyn EventDeliveries) -> bool {
        let mut has_come = false;
        loop {
            let next = async { Ok::<_, Error>(deliveries.next().await) };
            match self.waits.run(next).await {
                Ok(Some(delivery)) => {
                    has_come = true;
                    self.take(delivery).await;
                }
                // A panic was told of by the guard.
                Ok(None) | Err(_) => return has_come,
            }
        }
    }

    /// Puts what has come into the queue, as soon as there is room: what waits meanwhile waits with the transport.
    async fn take(&self, delivery: EventDelivery) {
        self.received.fetch_add(1, Relaxed);
        let event = delivery.event();
        let record = match EventRecord::from_wire(event) {
            Ok(record) => record,
            Err(error) => {
                let error = error.line_of(&self.waits.plugin);
                tracing::error!(plugin = %self.waits.plugin, id = event.id, error, "an event that came can't be read, and is lost");
                self.queue.figures.failed.fetch_add(1, Relaxed);
                // It would not be read the next time.
                return Receipt::new(delivery, &self.waits.plugin, self.owed.begin()).done();
            }
        };
        let receipt = Receipt::new(delivery, &self.waits.plugin, self.owed.begin());
        let entry = Entry {
            record: Arc::new(record),
            only: None,
            receipt: Some(Arc::new(receipt)),
        };
        // Closed: its plugin does not subscribe any more, and the event is for another member.
        _ = self.queue.push_wait(entry).await;
    }
}
