//! Delivery: one task for each queue, so that the events of a plugin come in order, and it delays nobody but itself.

use super::{
    bus::Bus,
    dead_letters::Dead,
    message::Message,
    queue::{Entry, Queue},
    subscription::Subscriber,
};
use crate::{
    error::{Error, code},
    scope::Scope,
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

/// The longest pause before a further attempt.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Delivers until the queue is closed.
pub(super) async fn deliver(bus: Arc<Bus>, queue: Arc<Queue>) {
    while let Some(entry) = queue.next().await {
        let delivery = Delivery {
            bus: &bus,
            queue: &queue,
            entry: &entry,
        };
        tokio::select! {
            () = delivery.run() => {}
            () = bus.closed.cancelled() => {
                queue.figures.dropped.fetch_add(1, Relaxed);
            }
        }
        queue.done();
    }
}

struct Delivery<'a> {
    bus: &'a Arc<Bus>,
    queue: &'a Queue,
    entry: &'a Entry,
}

impl Delivery<'_> {
    async fn run(&self) {
        // The handlers of the generation that serves now; of each event a plugin is told by one generation, but for what
        // has to be tried again.
        let Some(handlers) = self.handlers() else {
            return;
        };
        for handler in handlers {
            self.tell(&handler).await;
        }
    }

    /// The keys of the handlers that want the event; nothing when nothing serves any more.
    fn handlers(&self) -> Option<Vec<Arc<str>>> {
        let scope = self.bus.enter().ok()?;
        let subscribers = self.bus.subscribers(&scope)?;
        let Entry { record, only } = self.entry;
        let wanting = subscribers.of(&self.queue.plugin, &record.topic);
        let keys = wanting.map(|subscriber| &subscriber.subscription.key);
        let keys = keys.filter(|key| only.as_ref().is_none_or(|only| only == *key));
        Some(keys.cloned().collect())
    }

    fn find(&self, key: &str) -> Option<(Scope, Subscriber)> {
        let scope = self.bus.enter().ok()?;
        let subscribers = self.bus.subscribers(&scope)?;
        let mut wanting = subscribers.of(&self.queue.plugin, &self.entry.record.topic);
        let found = wanting.find(|subscriber| *subscriber.subscription.key == *key);
        let found = found.cloned();
        drop(wanting);
        Some((scope, found?))
    }

    /// Tells one handler, as often as it wants to be told.
    async fn tell(&self, key: &Arc<str>) {
        let mut attempt = 1;
        loop {
            let Some((scope, subscriber)) = self.find(key) else {
                // It was replaced while it waited for a further attempt.
                self.queue.figures.dropped.fetch_add(1, Relaxed);
                return;
            };
            let Subscriber {
                subscription, site, ..
            } = &subscriber;
            let message = Message {
                record: Arc::clone(&self.entry.record),
                scope,
                attempt,
                subscriber: Arc::clone(&self.queue.plugin),
                bus: Arc::downgrade(self.bus),
            };
            let call = site.call(message.request_id());
            let is_wanted =
                |message: &Message| subscription.when.as_ref().is_none_or(|when| when(message));
            let told = site.run(async {
                if is_wanted(&message) {
                    subscription.handler.call(&message, &call).await?;
                }
                Ok(())
            });
            let Err(error) = told.await else {
                self.queue.figures.delivered.fetch_add(1, Relaxed);
                return;
            };
            // What can't be read can't be read the next time.
            if attempt > subscription.retries || error.code() == code::EVENT_MALFORMED {
                self.give_up(&subscriber, attempt, &error);
                return;
            }
            let pause = pause(subscription.backoff, attempt);
            tracing::warn!(
                plugin = %self.queue.plugin, topic = %self.entry.record.topic, id = self.entry.record.id.as_str(),
                attempt, error = %error.line_of(&self.queue.plugin), "event handler failed; trying again"
            );
            // A reload must not wait for it.
            drop((message, subscriber));
            tokio::time::sleep(pause).await;
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
        self.bus.dead.keep(Dead {
            id: 0,
            plugin: Arc::clone(&self.queue.plugin),
            handler: Arc::clone(&subscriber.subscription.key),
            record: Arc::clone(record),
            code: error.code(),
            error: error.report(),
            attempts,
            at: SystemTime::now(),
        });
    }
}

/// Twice as long before each further attempt.
fn pause(backoff: Duration, attempt: u32) -> Duration {
    let factor = 2_u32.saturating_pow(attempt.saturating_sub(1));
    backoff.saturating_mul(factor).min(LONGEST_PAUSE)
}
