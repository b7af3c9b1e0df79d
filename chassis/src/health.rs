//! Health: what a check says, and what becomes of it over time.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

mod check;
mod group;
mod past;
mod run;
mod wish;

pub(crate) use self::{
    check::{Change, Check, Seen},
    group::check_group,
    run::{keep_asking, said},
    wish::{Controls, Wish},
};

/// How something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// It works.
    Up,
    /// It works, but something is wrong.
    Degraded,
    /// Nobody knows: there is no answer yet, or the last one is too old.
    #[default]
    Unknown,
    /// It does not work.
    Down,
}

impl HealthState {
    /// Whether it works: `up` or `degraded`.
    pub fn is_healthy(self) -> bool {
        matches!(self, Self::Up | Self::Degraded)
    }

    /// The name, as in the answers of the management endpoints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Down => "down",
        }
    }

    /// The worse of two: `down` is the worst, then `unknown`, then `degraded`.
    #[must_use]
    pub(crate) fn worse(self, other: Self) -> Self {
        if (other as u8) > (self as u8) {
            other
        } else {
            self
        }
    }
}

impl fmt::Display for HealthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a health check says: a state, and, if it likes, a message and any details.
///
/// ```
/// use chassis::Health;
///
/// let health = Health::degraded("few connections are left").with("connections", 5).with("database", "postgresql");
/// assert_eq!(health.message(), Some("few connections are left"));
/// assert_eq!(health.details()["connections"], 5);
///
/// // An error is `down`, with its message.
/// let read = std::fs::read("/no/such/file").map(|_| ());
/// assert!(!Health::from(read).state().is_healthy());
/// ```
///
/// A message ends after 4 KiB, and details of more than 16 KiB as JSON are left out.
///
/// A check by the name of its point gives the same as JSON: `{"state": "up", "message": "..", "details": {..}}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    state: HealthState,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    details: Map<String, Value>,
}

/// How long a message may be, in bytes.
const MAX_MESSAGE: usize = 4 << 10;

/// How long the details may be, in bytes of JSON.
const MAX_DETAILS: usize = 16 << 10;

impl Health {
    fn new(state: HealthState, message: Option<String>) -> Self {
        Self {
            state,
            message,
            details: Map::new(),
        }
    }

    /// It works.
    pub fn up() -> Self {
        Self::new(HealthState::Up, None)
    }

    /// It works, but this is wrong.
    pub fn degraded(message: impl Into<String>) -> Self {
        Self::new(HealthState::Degraded, Some(message.into()))
    }

    /// It does not work, because of this.
    pub fn down(message: impl Into<String>) -> Self {
        Self::new(HealthState::Down, Some(message.into()))
    }

    /// It can't be said, because of this.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(HealthState::Unknown, Some(message.into()))
    }

    /// Adds a detail, for people and programs that look at `/health`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.details.insert(key.into(), value.into());
        self
    }

    /// The same within bounds: it is kept, and told to whoever asks.
    pub(crate) fn bounded(mut self) -> Self {
        if let Some(message) = &mut self.message {
            let end = message.floor_char_boundary(MAX_MESSAGE);
            message.truncate(end);
        }
        let size = serde_json::to_vec(&self.details).map_or(usize::MAX, |json| json.len());
        if size > MAX_DETAILS {
            self.details = Map::new();
            let why = format!("left out: {size} bytes, and {MAX_DETAILS} may be");
            return self.with("details", why);
        }
        self
    }

    /// How it is.
    pub fn state(&self) -> HealthState {
        self.state
    }

    /// What was said beside the state.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The details.
    pub fn details(&self) -> &Map<String, Value> {
        &self.details
    }
}

impl From<()> for Health {
    fn from((): ()) -> Self {
        Self::up()
    }
}

impl From<Error> for Health {
    fn from(error: Error) -> Self {
        let place = error.plugin().unwrap_or_default();
        Self::down(error.line_of(place))
    }
}

impl<T: Into<Health>, E: Into<Error>> From<Result<T, E>> for Health {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(health) => health.into(),
            Err(error) => error.into().into(),
        }
    }
}

/// What a health check may return: a [`Health`], nothing, or a `Result` of these. An error is `down`.
#[diagnostic::on_unimplemented(
    message = "a health check can't return `{Self}`",
    label = "return `Health`, nothing, or a `Result` of these"
)]
pub trait IntoHealth {
    /// The value, as the chassis wants it.
    ///
    /// # Errors
    ///
    /// If it is one: then the check is down.
    fn into_health(self) -> Result<Health>;
}

impl IntoHealth for Health {
    fn into_health(self) -> Result<Health> {
        Ok(self)
    }
}

impl IntoHealth for () {
    fn into_health(self) -> Result<Health> {
        Ok(self.into())
    }
}

impl<T: IntoHealth, E: Into<Error>> IntoHealth for Result<T, E> {
    fn into_health(self) -> Result<Health> {
        self.map_err(Into::into)?.into_health()
    }
}
