//! Delivery: one task for each queue, so that the events of a plugin come in order, and it delays nobody but itself.

use super::{
    bus::Bus,
    dead_letters::DeadLetter,
    message::Message,
    queue::{Entry, Queue},
    record::EventRecord,
    subscription::Subscriber,
};
use crate::{
    call::catch_async,
    cause::Cause,
    error::{Error, code},
    mark::{Mark, Of},
    request_id::RequestId,
    scope::Scope,
};
use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

/// The longest pause before a further attempt.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Delivers until the queue is closed.
pub(super) async fn deliver(bus: Arc<Bus>, queue: Arc<Queue>) {
    while let Some(entry) = queue.next().await {
        let mark = entry.record.mark();
        let work = pin!(Some(async {
            let delivery = Delivery {
                bus: &bus,
                queue: &queue,
                entry: &entry,
            };
            tokio::select! {
                () = delivery.run() => {}
                () = bus.closed.cancelled() => delivery.lost("the service stops"),
            }
            // What happened ends here, perhaps, and that is the publisher's own code.
            drop(entry);
        }));
        let work = mark.carry(work);
        // The calls are guarded; what is dropped after them is code of plugins as well.
        if let Err(panic) = catch_async(work).await {
            tracing::error!(plugin = %queue.plugin, panic = panic.text, place = panic.place, "panicked after an event was delivered");
        }
        queue.done();
    }
}

struct Delivery<'a> {
    bus: &'a Arc<Bus>,
    queue: &'a Queue,
    entry: &'a Entry,
}

impl EventRecord {
    /// What is done with it is done for this.
    fn cause(&self) -> Cause {
        let request_id = self.request_id.clone().unwrap_or(RequestId::NONE);
        Cause::new(request_id, self.trace.clone())
    }

    /// What lines of the log say of it.
    fn mark(&self) -> Mark {
        Mark {
            of: Of::Event {
                topic: Arc::clone(&self.topic),
                id: self.id.clone(),
            },
            cause: self.cause(),
        }
    }
}

impl Delivery<'_> {
    /// Waits until the plugin is there, if a reload has stopped it and is about to bring another.
    async fn until_back(&self) {
        loop {
            let mut served = pin!(self.bus.served.notified());
            served.as_mut().enable();
            let is_away = self.bus.enter().is_ok_and(|scope| {
                let subscribers = self.bus.subscribers(&scope);
                let of_plugin = subscribers.and_then(|all| all.of_plugin(&self.queue.plugin));
                of_plugin.is_some_and(|all| all.iter().any(|one| one.subscription.waits))
            });
            if !is_away {
                return;
            }
            served.await;
        }
    }

    async fn run(&self) {
        self.until_back().await;
        let handlers = self.handlers();
        if handlers.is_empty() {
            self.lost("nothing of the plugin wants it any more");
        }
        for handler in &handlers {
            self.tell(handler).await;
        }
        // Whatever came of it is known here: what failed is a dead letter.
        if let Some(receipt) = self.entry.receipt.as_ref().filter(|_| !handlers.is_empty()) {
            receipt.done();
        }
    }

    /// The keys of the handlers that want the event, in the generation that serves now.
    fn handlers(&self) -> Vec<Arc<str>> {
        let Entry { record, only, .. } = self.entry;
        let Ok(scope) = self.bus.enter() else {
            return Vec::new();
        };
        let subscribers = self.bus.subscribers(&scope);
        let wanting = subscribers
            .into_iter()
            .flat_map(|all| all.of(&self.queue.plugin, &record.topic));
        let keys = wanting.map(|subscriber| &subscriber.key);
        let keys = keys.filter(|key| only.as_ref().is_none_or(|only| only == *key));
        keys.cloned().collect()
    }

    fn find(&self, key: &str) -> Option<(Scope, Subscriber)> {
        let scope = self.bus.enter().ok()?;
        let subscribers = self.bus.subscribers(&scope)?;
        let found = subscribers.find(&self.queue.plugin, key).cloned();
        Some((scope, found?))
    }

    /// Tells one handler, as often as it wants to be told.
    async fn tell(&self, key: &Arc<str>) {
        let record = &self.entry.record;
        let mut attempt = 1;
        loop {
            let Some((scope, subscriber)) = self.find(key) else {
                return self.lost("its handler is gone since");
            };
            if subscriber.subscription.waits {
                drop((scope, subscriber));
                self.until_back().await;
                continue;
            }
            let Subscriber {
                subscription, site, ..
            } = &subscriber;
            let message = Message {
                record: Arc::clone(record),
                scope: Scope::of(scope.world, record.cause()),
                attempt,
                subscriber: Arc::clone(&self.queue.plugin),
                way: self.bus.way(),
            };
            let call = site.call(message.scope.cause());
            let told = site.run(async {
                let is_wanted = subscription.when.as_ref().is_none_or(|when| when(&message));
                if is_wanted {
                    subscription.handler.call(&message, &call).await?;
                }
                Ok(is_wanted)
            });
            let error = match told.await {
                Ok(was_wanted) => {
                    let delivered = &self.queue.figures.delivered;
                    delivered.fetch_add(u64::from(was_wanted), Relaxed);
                    return;
                }
                Err(error) => error,
            };
            // What can't be read can't be read the next time.
            if attempt > subscription.retries || error.code() == code::EVENT_MALFORMED {
                return self.give_up(&subscriber, attempt, &error);
            }
            let pause = pause(subscription.backoff, attempt);
            tracing::warn!(
                plugin = %self.queue.plugin, topic = %record.topic, id = record.id.as_str(),
                attempt, error = %error.line_of(&self.queue.plugin), "event handler failed; trying again"
            );
            // A reload must not wait for it.
            drop((message, subscriber));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // At the end there is no time for pauses.
                () = self.bus.draining.cancelled() => {}
            }
            attempt += 1;
        }
    }

    fn give_up(&self, subscriber: &Subscriber, attempts: u32, error: &Error) {
        let record = &self.entry.record;
        self.queue.figures.failed.fetch_add(1, Relaxed);
        tracing::error!(
            plugin = %self.queue.plugin, topic = %record.topic, id = record.id.as_str(), attempts,
            error = %error.line_of(&self.queue.plugin), "event handler failed; the event is a dead letter"
        );
        let (plugin, handler) = (&self.queue.plugin, &subscriber.key);
        let letter = DeadLetter::new(plugin, handler, record, attempts, error);
        self.bus.dead.keep(letter);
    }

    fn lost(&self, why: &str) {
        let record = &self.entry.record;
        self.queue.figures.dropped.fetch_add(1, Relaxed);
        tracing::warn!(
            plugin = %self.queue.plugin, topic = %record.topic, id = record.id.as_str(),
            "an event is lost: {why}"
        );
    }
}

/// Twice as long before each further attempt.
fn pause(backoff: Duration, attempt: u32) -> Duration {
    let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
    backoff.saturating_mul(factor).min(LONGEST_PAUSE)
}
