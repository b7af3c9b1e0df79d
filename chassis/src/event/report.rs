//! What is told of events to people and programs outside.

use super::{bus::Bus, dead_letters::DeadLetter, queue::Figures};
use crate::{call::CallStats, config::WhenFull, error::Result};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// The events of a service at a glance.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct EventsReport {
    /// How many events were published since the start.
    pub published: u64,
    /// The topics that were published under, and those that are subscribed to by name.
    pub topics: BTreeMap<Arc<str>, TopicReport>,
    /// The plugins that subscribe, by name.
    pub subscribers: BTreeMap<Arc<str>, SubscriberReport>,
    /// What carries events to other services and from there; none if they stay in this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<TransportReport>,
    /// How many events could not be delivered, and are kept.
    pub dead_letters: usize,
    /// How many of those had to make room for newer ones.
    pub dead_letters_dropped: u64,
}

/// A topic.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TopicReport {
    /// How many events were published under it. Only the first 1,000 topics are counted apart.
    pub published: u64,
    /// The plugins that subscribe to it, by name or by a pattern.
    pub subscribers: Vec<Arc<str>>,
}

/// A plugin that subscribes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SubscriberReport {
    /// Its handlers.
    pub handlers: Vec<SubscriptionReport>,
    /// How many events wait for it.
    pub depth: usize,
    /// How many may.
    pub capacity: usize,
    /// What becomes of further ones.
    pub when_full: WhenFull,
    /// How often a handler was told with success.
    pub delivered: u64,
    /// How often a handler was told in vain, and the event became a dead letter.
    pub failed: u64,
    /// How many events were dropped.
    pub dropped: u64,
    /// How many events were refused.
    pub rejected: u64,
}

/// What carries events to other services and from there.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TransportReport {
    /// The plugin that brings it: what `events.transport` says.
    pub plugin: Arc<str>,
    /// How many events wait to be sent.
    pub depth: usize,
    /// How many may.
    pub capacity: usize,
    /// What becomes of further ones.
    pub when_full: WhenFull,
    /// How many events were sent.
    pub sent: u64,
    /// How many have come, for all plugins that subscribe.
    pub received: u64,
    /// How many were refused by the transport, and became dead letters.
    pub failed: u64,
    /// How many were dropped before they were sent.
    pub dropped: u64,
    /// How many were refused because too many wait.
    pub rejected: u64,
}

/// A handler of a plugin that subscribes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SubscriptionReport {
    /// The topics it wants.
    pub pattern: Arc<str>,
    /// How often it is tried again when it fails.
    pub retries: u32,
    /// What came of the calls.
    pub stats: CallStats,
}

impl Bus {
    pub(crate) fn report(&self) -> Result<EventsReport> {
        let scope = self.enter()?;
        let (published, counts) = self.topics.counts();
        let mut topics: BTreeMap<Arc<str>, TopicReport> = counts
            .into_iter()
            .map(|(topic, published)| {
                let subscribers = Vec::new();
                (
                    topic,
                    TopicReport {
                        published,
                        subscribers,
                    },
                )
            })
            .collect();
        let mut subscribers = BTreeMap::new();
        let all = self.subscribers(&scope);
        for (plugin, of_plugin) in all.into_iter().flat_map(|all| all.plugins()) {
            for subscriber in of_plugin {
                if let Some(topic) = subscriber.pattern.exact() {
                    topics.entry(Arc::clone(topic)).or_default();
                }
            }
            let Some(queue) = self.queue(plugin) else {
                continue;
            };
            let handlers = of_plugin.iter().map(|subscriber| SubscriptionReport {
                pattern: Arc::clone(subscriber.pattern.text()),
                retries: subscriber.subscription.retries,
                stats: subscriber.site.stats.read(),
            });
            let (capacity, when_full) = queue.terms();
            let Figures {
                delivered,
                failed,
                dropped,
                rejected,
            } = &queue.figures;
            let report = SubscriberReport {
                handlers: handlers.collect(),
                depth: queue.waiting(),
                capacity,
                when_full,
                delivered: delivered.load(Relaxed),
                failed: failed.load(Relaxed),
                dropped: dropped.load(Relaxed),
                rejected: rejected.load(Relaxed),
            };
            subscribers.insert(Arc::clone(plugin), report);
        }
        for (topic, report) in &mut topics {
            let wanting = all.map(|all| all.wanting(topic)).unwrap_or_default();
            report.subscribers = wanting.into_iter().cloned().collect();
        }
        Ok(EventsReport {
            published,
            topics,
            subscribers,
            transport: self.transport_report(),
            dead_letters: self.dead.len(),
            dead_letters_dropped: self.dead.dropped.load(Relaxed),
        })
    }

    fn transport_report(&self) -> Option<TransportReport> {
        let (line, outbox) = (self.remote.now()?, self.remote.outbox()?);
        let (capacity, when_full) = outbox.terms();
        let Figures {
            delivered,
            failed,
            dropped,
            rejected,
        } = &outbox.figures;
        Some(TransportReport {
            plugin: Arc::clone(line.plugin()),
            depth: outbox.waiting(),
            capacity,
            when_full,
            sent: delivered.load(Relaxed),
            received: self.remote.received.load(Relaxed),
            failed: failed.load(Relaxed),
            dropped: dropped.load(Relaxed),
            rejected: rejected.load(Relaxed),
        })
    }

    /// What could not be delivered, the newest first.
    pub(crate) fn dead_letters(&self) -> Vec<DeadLetter> {
        self.dead.all()
    }
}
