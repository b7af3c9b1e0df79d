//! `events`: what carries events, and how they wait.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// `events`: how events wait for those who subscribe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EventSettings {
    /// What carries events: `local`, where they stay in this service, or the name of a plugin that brings a transport; then what
    /// plugins publish goes to all services that have the same. Events of the chassis itself stay here. Default: `local`.
    pub transport: String,
    /// How many may wait for one plugin; `limits.queue` of its section goes before. Default: 1024.
    pub queue: NonZeroU32,
    /// What becomes of further ones; `limits.when_full` of the plugin's section goes before. `drop_oldest` makes room,
    /// `drop_newest` loses the new one, `reject` loses it and is an error for who publishes. Default: `drop_oldest`.
    pub when_full: WhenFull,
    /// How many that could not be delivered are kept; the oldest makes room. Default: 1000.
    pub dead_letters: usize,
}

/// What becomes of an event for which there is no room in the queue of a subscriber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The oldest that waits makes room.
    #[default]
    DropOldest,
    /// It is not queued.
    DropNewest,
    /// It is not queued, and who publishes it gets an error.
    Reject,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self {
            transport: "local".to_owned(),
            queue: NonZeroU32::MIN.saturating_add(1023),
            when_full: WhenFull::DropOldest,
            dead_letters: 1000,
        }
    }
}
