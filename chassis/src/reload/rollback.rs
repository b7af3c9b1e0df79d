//! What is told of probation: who is watched, and what was taken back.

use schemars::JsonSchema;
use serde::Serialize;
use std::{sync::Arc, time::SystemTime};

/// What is watched after a reload, and what was taken back: a part of what `GET /info` answers.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ProbationReport {
    /// The instances that are watched.
    pub watched: Vec<OnProbation>,
    /// The last reload that was taken back, or should have been.
    pub rolled_back: Option<Rollback>,
    /// Whether what the files say is that which was taken back: it is not loaded until it changes.
    pub rejected: bool,
}

/// An instance that is watched.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct OnProbation {
    /// The instance.
    pub plugin: Arc<str>,
    /// The generation that it was built for.
    pub generation: u64,
    /// The generation whose configuration comes back if it fails.
    pub back_to: u64,
    /// Until when, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    pub until: SystemTime,
}

/// A reload that was taken back, or should have been.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Rollback {
    /// The instance that failed.
    pub plugin: Arc<str>,
    /// What it did.
    pub reason: String,
    /// When that was seen, in milliseconds since 1970.
    #[serde(serialize_with = "crate::text::unix_millis")]
    #[schemars(with = "u64")]
    pub at: SystemTime,
    /// The generation that failed.
    pub generation: u64,
    /// The one whose configuration came back.
    pub back_to: u64,
    /// The generation that serves with it; none, if it could not be built.
    pub serves: Option<u64>,
    /// Why it could not: then the generation that failed goes on serving, and nothing of it is watched any more.
    pub error: Option<String>,
    /// Whether the files, or what sources gave, are not loaded again until they change.
    pub rejected: bool,
    /// Whether something was taken back, too, that operators had changed while the service ran.
    pub management: bool,
}
