//! What is asked of a reload.

use crate::{
    config::{self, Overrides},
    error::{Error, Result, code},
    lifecycle::Anew,
};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// What is asked of a reload.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// What is to be built anew although nothing of it has changed.
    pub(crate) anew: Anew,
    /// What an operator wants to have changed.
    pub(crate) change: Change,
    /// Whether a restart is to remember it.
    pub(crate) persist: bool,
    /// The generations of which one has to serve; any, if none is said.
    pub(crate) only_if: Option<Vec<u64>>,
    /// Whether what has failed probation is to be loaded all the same.
    pub(crate) force: bool,
}

/// What an operator wants to have changed of a plugin; it lasts only if the reload succeeds.
#[derive(Debug, Default)]
pub(crate) enum Change {
    #[default]
    Nothing,
    /// Whether it takes part.
    Enable(Arc<str>, bool),
    /// A JSON merge patch of its own settings.
    Patch(Arc<str>, Value),
    /// Everything that was changed of it is taken back.
    Reset(Arc<str>),
}

impl Wanted {
    /// Whether the generation serves that whoever asks takes for the one that does.
    pub(super) fn check(&self, serving: u64) -> Result<()> {
        match &self.only_if {
            Some(numbers) if !numbers.contains(&serving) => {
                let message = format!("generation {serving} serves, and not the one in `If-Match`");
                Err(Error::new(code::RELOAD_STALE, message)
                    .with_help("look at what has changed meanwhile, and ask with its number"))
            }
            _ => Ok(()),
        }
    }
}

/// What is done when it is done: "`web` is being disabled".
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.change, &self.anew) {
            (Change::Enable(plugin, true), _) => write!(f, "`{plugin}` is being enabled"),
            (Change::Enable(plugin, false), _) => write!(f, "`{plugin}` is being disabled"),
            (Change::Patch(plugin, _) | Change::Reset(plugin), _) => {
                write!(f, "the settings of `{plugin}` are being changed")
            }
            (Change::Nothing, Anew::One(plugin)) => write!(f, "`{plugin}` is being built anew"),
            (Change::Nothing, Anew::All) => f.write_str("all plugins are being built anew"),
            (Change::Nothing, Anew::Nothing) => f.write_str("the configuration is being reloaded"),
        }
    }
}

impl Change {
    pub(super) fn apply(&self, overrides: &mut Overrides) {
        match self {
            Self::Nothing => {}
            Self::Enable(plugin, enabled) => {
                overrides.set(&["plugins", plugin, "enabled"], (*enabled).into());
            }
            Self::Patch(plugin, patch) => overrides.patch(&["plugins", plugin, "config"], patch),
            Self::Reset(plugin) => {
                overrides.clear(&["plugins", plugin, "enabled"]);
                overrides.clear(&["plugins", plugin, "config"]);
            }
        }
    }

    /// The same in a file, where references would be read.
    pub(super) fn write(&self, said: &mut Overrides) {
        match self {
            Self::Patch(plugin, patch) => {
                said.patch(&["plugins", plugin, "config"], &config::literal(patch));
            }
            other => other.apply(said),
        }
    }

    /// Takes back what would cover it in a layer below.
    pub(super) fn uncover(&self, overrides: &mut Overrides) {
        match self {
            Self::Nothing => {}
            Self::Enable(plugin, _) => overrides.clear(&["plugins", plugin, "enabled"]),
            Self::Patch(plugin, patch) => overrides.uncover(&["plugins", plugin, "config"], patch),
            Self::Reset(_) => self.apply(overrides),
        }
    }

    /// Whose settings it patches.
    pub(super) fn patched(&self) -> Option<&str> {
        match self {
            Self::Patch(plugin, _) => Some(plugin),
            _ => None,
        }
    }
}

impl From<Change> for Wanted {
    fn from(change: Change) -> Self {
        Self {
            change,
            ..Self::default()
        }
    }
}

impl From<Anew> for Wanted {
    fn from(anew: Anew) -> Self {
        Self {
            anew,
            ..Self::default()
        }
    }
}
