//! Why a series is not recorded.

use super::family::Wanted;
use std::sync::Arc;

/// How many series of one name there may be. Somebody has put an id into a label if there are more.
pub(super) const MOST_SERIES: usize = 10_000;

/// How many names there may be, for the same reason.
pub(super) const MOST_NAMES: usize = 2_000;

/// Why a series is not recorded, for those who remember it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Whose it is has stopped.
    Gone,
    Limit,
    Conflict,
}

/// Why a series is not recorded, and what is to be said of it: later, without the lock that it was found under.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reason: Reason,
    told: Option<Told>,
}

#[derive(Debug)]
struct Told {
    plugin: Option<Arc<str>>,
    metric: String,
    text: String,
    is_warning: bool,
}

impl Refused {
    /// Whose it is has stopped.
    pub(super) fn gone() -> Self {
        Self {
            reason: Reason::Gone,
            told: None,
        }
    }

    /// There are too many names; `has_told` says whether that was told before.
    pub(super) fn names(wanted: &Wanted<'_>, has_told: &mut bool) -> Self {
        let text = format!("not recorded: there are {MOST_NAMES} names of metrics already");
        Self::over_limit(wanted, wanted.name, has_told, text)
    }

    /// There are too many series of a name.
    pub(super) fn series(wanted: &Wanted<'_>, exported: &str, has_told: &mut bool) -> Self {
        let text = format!(
            "{MOST_SERIES} series have this name; further ones are not recorded. Is an id among the labels?"
        );
        Self::over_limit(wanted, exported, has_told, text)
    }

    fn over_limit(wanted: &Wanted<'_>, metric: &str, has_told: &mut bool, text: String) -> Self {
        let is_new = !std::mem::replace(has_told, true);
        Self {
            reason: Reason::Limit,
            told: is_new.then(|| Told::new(wanted, metric, text, true)),
        }
    }

    /// The name is taken.
    pub(super) fn conflict(wanted: &Wanted<'_>, exported: &str, why: &str) -> Self {
        // A plugin says its name once, in `init`. Of what is collected again and again, or comes from anywhere, the number
        // is enough.
        let is_warning = wanted.owner.is_some() && wanted.collected.is_none();
        let advice = if is_warning {
            "; give it another name"
        } else {
            ""
        };
        let text = format!("not recorded: `{exported}` {why}{advice}");
        Self {
            reason: Reason::Conflict,
            told: Some(Told::new(wanted, wanted.name, text, is_warning)),
        }
    }

    /// Says it in the log. Whoever writes that may record something itself: not to be called under the lock.
    pub(super) fn tell(&self) {
        let Some(told) = &self.told else {
            return;
        };
        let (plugin, metric) = (told.plugin.as_deref(), &*told.metric);
        if told.is_warning {
            tracing::warn!(plugin, metric, "{}", told.text);
        } else {
            tracing::debug!(plugin, metric, "{}", told.text);
        }
    }
}

impl Told {
    fn new(wanted: &Wanted<'_>, metric: &str, text: String, is_warning: bool) -> Self {
        Self {
            plugin: wanted.owner.map(|(plugin, _)| Arc::clone(plugin)),
            metric: metric.to_owned(),
            text,
            is_warning,
        }
    }
}
