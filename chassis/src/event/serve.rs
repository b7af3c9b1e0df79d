//! The life of the bus: generations come and go, dead letters get another chance, and in the end all queues run empty.

use super::{
    bus::{Bus, full},
    deliver,
    queue::{Entry, Pushed, Queue},
};
use crate::{
    config::{Config, WhenFull},
    error::{Error, Result, code},
    scope::Scope,
};
use std::{sync::Arc, time::Duration};

impl Bus {
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
        for (plugin, queue) in gone {
            let lost = queue.close();
            if lost > 0 {
                tracing::warn!(%plugin, lost, "events that waited for it are lost: it does not subscribe any more");
            }
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
        let subscribers = self.subscribers(&scope);
        let handler = subscribers.and_then(|all| all.find(&dead.plugin, &dead.handler));
        let queue = handler.and_then(|_| self.queue(&dead.plugin));
        let entry = Entry {
            record: Arc::clone(&dead.record),
            only: Some(Arc::clone(&dead.handler)),
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

    /// Waits until everything is delivered, not longer than `patience`; how many events are not.
    pub(crate) async fn drain(&self, patience: Duration) -> usize {
        self.draining.cancel();
        let waiting = || -> Vec<Arc<Queue>> {
            let queues = self.queues();
            let waiting = queues.values().filter(|queue| queue.waiting() > 0);
            waiting.cloned().collect()
        };
        let all = async {
            // What is delivered may lead to further events, for those who were done.
            loop {
                let queues = waiting();
                if queues.is_empty() {
                    return;
                }
                for queue in queues {
                    queue.idle().await;
                }
            }
        };
        _ = tokio::time::timeout(patience, all).await;
        waiting().iter().map(|queue| queue.waiting()).sum()
    }

    /// From now on nothing is published or delivered.
    pub(crate) fn close(&self) {
        self.closed.cancel();
        let queues: Vec<_> = self.queues().values().cloned().collect();
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
