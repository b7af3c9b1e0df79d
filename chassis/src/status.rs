//! The states of a plugin, and which may follow which.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an instance is in its life.
///
/// ```text
/// registered -> initializing -> initialized -> starting -> running <-> degraded | suspended
///                    |                            |           |
///                  failed                       failed     stopping -> stopped
/// ```
///
/// `blocked` (something it requires is not running) and `disabled` are ends that it never leaves: a reload
/// makes a new instance.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PluginState {
    /// Known, and nothing done yet.
    Registered,
    /// In `init`.
    Initializing,
    /// Built; it has contributed.
    Initialized,
    /// In `start`.
    Starting,
    /// At work.
    Running,
    /// At work, but something is wrong.
    Degraded,
    /// Alive, but taken out of work.
    Suspended,
    /// Its `init`, `start` or a task failed.
    Failed,
    /// Something it requires is not running.
    Blocked,
    /// Switched off in the configuration.
    Disabled,
    /// In `stop`.
    Stopping,
    /// At its end.
    Stopped,
}

impl PluginState {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 12] = [
        Self::Registered,
        Self::Initializing,
        Self::Initialized,
        Self::Starting,
        Self::Running,
        Self::Degraded,
        Self::Suspended,
        Self::Failed,
        Self::Blocked,
        Self::Disabled,
        Self::Stopping,
        Self::Stopped,
    ];

    /// Whether `next` may follow.
    pub fn may_become(self, next: Self) -> bool {
        use PluginState::*;
        match self {
            Registered => matches!(next, Initializing | Failed | Blocked | Disabled),
            Initializing => matches!(next, Initialized | Failed),
            // Straight to `stopped`: what was built, but not started, is only dropped.
            Initialized => matches!(next, Starting | Blocked | Stopped | Failed),
            Starting => matches!(next, Running | Failed),
            Running => matches!(next, Degraded | Suspended | Failed | Stopping),
            Degraded => matches!(next, Running | Suspended | Failed | Stopping),
            Suspended => matches!(next, Running | Degraded | Failed | Stopping),
            Failed => matches!(next, Stopping | Stopped),
            Stopping => matches!(next, Stopped | Failed),
            Stopped | Blocked | Disabled => false,
        }
    }

    /// Whether it can be asked to do something.
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Degraded)
    }

    /// The name, as in the answers of the management endpoints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Initializing => "initializing",
            Self::Initialized => "initialized",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Disabled => "disabled",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for PluginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
