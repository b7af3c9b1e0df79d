//! What is on its way to other services: sent one after the other, until the transport has taken it.

use super::{
    bus::Bus,
    dead_letters::DeadLetter,
    line::{Line, PAUSES},
    queue::{Entry, Queue},
};
use crate::{
    call::catch_async,
    error::{Error, code},
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// What the outbox is called, where the queues of plugins are called as these.
pub(super) const OUTBOX: &str = "events.transport";

/// Sends until the queue is closed.
pub(super) async fn send(bus: Arc<Bus>, queue: Arc<Queue>) {
    while let Some(entry) = queue.next().await {
        let work = async {
            let sending = Sending {
                bus: &bus,
                queue: &queue,
                entry: &entry,
            };
            tokio::select! {
                () = sending.run() => {}
                () = bus.closed.cancelled() => sending.lost(),
            }
            // What happened ends here, perhaps, and that is the publisher's own code.
            drop(entry);
        };
        if let Err(panic) = catch_async(work).await {
            tracing::error!(
                panic = panic.text,
                place = panic.place,
                "panicked after an event was sent"
            );
        }
        queue.done();
    }
}

struct Sending<'a> {
    bus: &'a Bus,
    queue: &'a Queue,
    entry: &'a Entry,
}

impl Sending<'_> {
    /// Sends it by the transport that serves then: after a reload by the new one.
    async fn run(&self) {
        let record = &self.entry.record;
        let (mut attempts, mut pause) = (0, PAUSES.0);
        loop {
            let Some(line) = self.bus.remote.line().await else {
                // There is no transport any more: it is for those who are here.
                return self.bus.give_here(record);
            };
            attempts += 1;
            let Err(error) = line.carry(record).await else {
                self.queue.figures.delivered.fetch_add(1, Relaxed);
                return;
            };
            if !error.is_retryable() && error.code() != code::DEADLINE {
                return self.give_up(&line, attempts, &error);
            }
            if attempts == 1 {
                tracing::warn!(
                    plugin = %line.plugin(), topic = record.topic(), id = record.id(),
                    error = %error.line_of(line.plugin()), "an event was not sent; trying again until it is"
                );
            }
            // A reload must not wait for it.
            drop(line);
            tokio::time::sleep(pause).await;
            // At the end there is no time for long pauses.
            let is_end = self.bus.draining.is_cancelled();
            pause = if is_end {
                PAUSES.0
            } else {
                (pause * 2).min(PAUSES.1)
            };
        }
    }

    fn give_up(&self, line: &Line, attempts: u32, error: &Error) {
        let record = &self.entry.record;
        self.queue.figures.failed.fetch_add(1, Relaxed);
        tracing::error!(
            plugin = %line.plugin(), topic = record.topic(), id = record.id(), attempts,
            error = %error.line_of(line.plugin()), "the transport refused an event; it is a dead letter"
        );
        let letter = DeadLetter::new(line.plugin(), &OUTBOX.into(), record, attempts, error);
        self.bus.dead.keep(letter);
    }

    fn lost(&self) {
        let record = &self.entry.record;
        self.queue.figures.dropped.fetch_add(1, Relaxed);
        tracing::warn!(
            topic = record.topic(),
            id = record.id(),
            "an event is lost: the service stops before it was sent"
        );
    }
}
