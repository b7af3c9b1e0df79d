//! The life of the bus: generations come and go, dead letters get another chance, and in the end all queues run empty.

use super::{
    OF_CHASSIS,
    bus::{Bus, full},
    deliver,
    line::Line,
    outbox::{self, OUTBOX},
    queue::{Entry, Pushed, Queue},
    transport::EventSubscription,
};
use crate::{
    config::{Config, WhenFull},
    error::{Error, Result, code},
    scope::Scope,
};
use std::{sync::Arc, time::Duration};

/// What `events.transport` says where events do not travel.
pub(crate) const LOCAL: &str = "local";

impl Bus {
    /// A generation is about to serve. From its first moment on what is published in it goes where it is to go.
    pub(crate) fn prepare(&self, config: &Config) {
        // What is looked up from here on is looked up once more when the generation serves.
        self.topics.change();
        let chosen = &config.settings().events.transport;
        if chosen == LOCAL {
            return;
        }
        let (capacity, when_full) = terms(config, chosen);
        let outbox = self.remote.outbox.get_or_init(|| {
            let queue = Arc::new(Queue::new(OUTBOX.into(), capacity, when_full));
            if let Some(this) = self.this.upgrade() {
                self.workers.spawn(outbox::send(this, Arc::clone(&queue)));
            }
            queue
        });
        outbox.set(capacity, when_full);
        self.remote.turn(true);
        self.topics.change();
    }

    /// A generation serves: what waits for those who subscribe in it is delivered to them, on the terms of its configuration,
    /// and who does not subscribe any more has no queue any more.
    pub(crate) fn serve(&self, scope: &Scope, config: &Config) {
        self.dead.limit(config.settings().events.dead_letters);
        let Some(subscribers) = self.subscribers(scope) else {
            return;
        };
        let mut queues = self.queues();
        for (plugin, _) in subscribers.plugins() {
            let (capacity, when_full) = terms(config, plugin);
            if let Some(queue) = queues.get(plugin) {
                queue.set(capacity, when_full);
                continue;
            }
            let queue = Arc::new(Queue::new(Arc::clone(plugin), capacity, when_full));
            queues.insert(Arc::clone(plugin), Arc::clone(&queue));
            if let Some(this) = self.this.upgrade() {
                self.workers.spawn(deliver::deliver(this, queue));
            }
        }
        let gone = queues.extract_if(.., |plugin, _| subscribers.of_plugin(plugin).is_none());
        let gone: Vec<_> = gone.collect();
        drop(queues);
        self.topics.change();
        self.served.notify_waiters();
        for (plugin, queue) in gone {
            let lost = queue.close();
            if lost > 0 {
                tracing::warn!(%plugin, lost, "events that waited for it are lost: it does not subscribe any more");
            }
        }
    }

    /// The same, of events that travel: by the transport of this generation, for those who subscribe in it.
    pub(crate) fn connect(&self, scope: &Scope, config: &Config) {
        let chosen = &config.settings().events.transport;
        let carrier = self.transports.of(chosen, scope);
        if carrier.is_none() {
            self.remote.turn(false);
        }
        let line = carrier.map(|carrier| Arc::new(Line::new(carrier)));
        let mut before = self.remote.replace(line.clone());
        let (Some(line), Some(subscribers)) = (line, self.subscribers(scope)) else {
            return;
        };
        let service = &config.settings().service.name;
        for (plugin, of_plugin) in subscribers.plugins() {
            let patterns = of_plugin.iter().map(|one| one.pattern.text());
            // Those of the chassis do not travel.
            let mut patterns: Vec<_> = patterns
                .filter(|topic| !OF_CHASSIS.contains(&&***topic))
                .collect();
            patterns.sort();
            patterns.dedup();
            let Some(queue) = self.queue(plugin).filter(|_| !patterns.is_empty()) else {
                continue;
            };
            let subscription = EventSubscription::new(format!("{service}.{plugin}"), patterns);
            line.take_part(
                subscription,
                queue,
                before.remove(plugin),
                self.closed.child_token(),
                (Arc::clone(&self.remote.received), &self.workers),
            );
        }
    }

    /// Ends the lines of generations that serve no more, before their plugins stop.
    pub(crate) async fn disconnect(&self, patience: Duration) {
        let now = self.remote.now();
        for line in self.remote.take_replaced() {
            // The transport of an instance that goes on serves the new line as it did the old one.
            if now.as_ref().is_some_and(|now| now.shares_transport(&line)) {
                continue;
            }
            self.end(line, patience).await;
        }
    }

    /// Ends a line where its code belongs, and which can't keep this one.
    async fn end(&self, line: Arc<Line>, patience: Duration) {
        const LONGEST_CLOSE: Duration = Duration::from_secs(30);
        let plugin = Arc::clone(line.plugin());
        let end = self.workers.spawn(async move { line.end(patience).await });
        // Its panics are caught, and told of.
        if tokio::time::timeout(patience + LONGEST_CLOSE, end)
            .await
            .is_err()
        {
            tracing::error!(%plugin, "the transport of events blocks its thread; going on without it");
        }
    }

    /// Tries once more to deliver what could not be delivered.
    pub(crate) fn retry_dead_letter(&self, id: &str) -> Result<()> {
        let scope = self.enter()?;
        let dead = self.dead.take(id).ok_or_else(|| {
            let message =
                format!("there is no dead letter `{id}`; it may have made room for newer ones");
            Error::new(code::NOT_FOUND, message)
        })?;
        let queue = if *dead.handler == *OUTBOX {
            self.remote.outbox().cloned()
        } else {
            let subscribers = self.subscribers(&scope);
            let handler = subscribers.and_then(|all| all.find(&dead.plugin, &dead.handler));
            handler.and_then(|_| self.queue(&dead.plugin))
        };
        let entry = Entry {
            record: Arc::clone(&dead.record),
            only: Some(Arc::clone(&dead.handler)),
            receipt: None,
        };
        let error = match queue {
            Some(queue) => match queue.push_beside(&entry) {
                Pushed::Queued => return Ok(()),
                Pushed::Closed => Error::new(code::CLOSED, "the service is stopping"),
                // What is dropped for it would be lost in its place.
                _ => full(&queue, "the dead letter"),
            },
            None => {
                let (plugin, handler) = (&dead.plugin, &dead.handler);
                let message = format!("`{plugin}` does not run, or has no `{handler}` any more");
                Error::new(code::CONFLICT, message)
            }
        };
        self.dead.put_back(dead);
        Err(error)
    }

    /// Waits until everything is delivered and sent, not longer than `patience`; how many events are not.
    pub(crate) async fn drain(&self, patience: Duration) -> usize {
        self.draining.cancel();
        let line = self.remote.now();
        let all = async {
            for member in line.iter().flat_map(|line| line.members().into_values()) {
                member.end().await;
            }
            // What is delivered may lead to further events, for those who were done.
            loop {
                let queues = self.waiting();
                if queues.is_empty() {
                    return;
                }
                for queue in queues {
                    queue.idle().await;
                }
            }
        };
        _ = tokio::time::timeout(patience, all).await;
        let undelivered = self.waiting().iter().map(|queue| queue.waiting()).sum();
        if let Some(line) = line {
            // Everything is settled by now, or there was no time for it.
            self.end(line, Duration::ZERO).await;
        }
        undelivered
    }

    /// The queues in which something waits.
    fn waiting(&self) -> Vec<Arc<Queue>> {
        let mut queues: Vec<_> = self.queues().values().cloned().collect();
        queues.extend(self.remote.outbox.get().cloned());
        queues.extend(self.guests.all());
        queues.retain(|queue| queue.waiting() > 0);
        queues
    }

    /// From now on nothing is published or delivered.
    pub(crate) fn close(&self) {
        self.topics.close();
        self.closed.cancel();
        let mut queues: Vec<_> = self.queues().values().cloned().collect();
        queues.extend(self.remote.outbox.get().cloned());
        queues.extend(self.guests.all());
        for queue in queues {
            queue.close();
        }
    }
}

/// On which terms events wait for a plugin.
fn terms(config: &Config, plugin: &str) -> (usize, WhenFull) {
    let events = &config.settings().events;
    let limits = config.sections().get(plugin).limits;
    let capacity = limits.queue.unwrap_or(events.queue).get();
    (
        usize::try_from(capacity).unwrap_or(usize::MAX),
        limits.when_full.unwrap_or(events.when_full),
    )
}
