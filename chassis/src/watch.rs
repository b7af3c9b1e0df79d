//! When the files of a configuration have changed: in what is in them, not in how it got there.
//!
//! Editors rename a new file over the old one, Kubernetes swaps a link two steps away, a network file system tells
//! nothing at all. So what the system tells is a hint to look, a look comes now and then without one, and only what is
//! in the files counts.

use std::{path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep_until};

mod hints;
mod fingerprint;
mod folders;
#[cfg(test)]
mod tests;

pub(crate) use fingerprint::Fingerprint;
use hints::Hints;

/// For so long nothing may change before a change is told; and looks that hints ask for are as far apart.
const QUIET: Duration = Duration::from_millis(100);

/// After so long a change is told though there is no quiet.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who wants no polling asks for more than this. An instant cannot be as far away as a duration can be long.
const SELDOM: Duration = Duration::from_secs(24 * 60 * 60);

/// Tells when the content of some files has changed.
#[derive(Debug)]
pub(crate) struct Watcher {
    paths: Vec<PathBuf>,
    poll: Duration,
    seen: Fingerprint,
    looked: Instant,
    /// When they are looked at next, if no hint comes before.
    due: Instant,
    unrest: Option<Unrest>,
    hints: Hints,
}

/// A change that has not come to rest.
#[derive(Debug)]
struct Unrest {
    now: Fingerprint,
    until: Instant,
}

impl Watcher {
    /// Watches these paths; what is in them now, it reads at once, and that counts as seen. `poll` is how often they
    /// are looked at all the same, for file systems that tell nothing.
    pub(crate) fn new(paths: Vec<PathBuf>, poll: Duration) -> Self {
        Self::with_hints(paths, poll, Hints::new())
    }

    fn with_hints(paths: Vec<PathBuf>, poll: Duration, hints: Hints) -> Self {
        let now = Instant::now();
        Self {
            seen: Fingerprint::of(&paths),
            paths,
            poll: poll.clamp(QUIET, SELDOM),
            looked: now,
            due: now,
            unrest: None,
            hints,
        }
    }

    /// How often they are looked at though nothing tells of a change.
    pub(crate) fn poll_every(&mut self, poll: Duration) {
        self.poll = poll.clamp(QUIET, SELDOM);
    }

    /// Watches other paths from now on: a reload may have read other files. What is in them counts as seen as far as
    /// `seen` says so; to miss nothing, take it before the files are read.
    pub(crate) fn watch(&mut self, paths: Vec<PathBuf>, mut seen: Fingerprint) {
        seen.keep(&paths);
        self.seen = seen;
        self.paths = paths;
        self.unrest = None;
        self.due = Instant::now();
    }

    /// Waits until what is in the files differs from what was seen last, and has been quiet for a moment.
    ///
    /// Cancel safe: everything that must outlive a call is in `self`.
    pub(crate) async fn changed(&mut self) -> Fingerprint {
        loop {
            self.wait().await;
            let now = self.look().await;
            if let Some(changed) = self.judge(now) {
                return changed;
            }
        }
    }

    /// Waits for the time of the next look.
    async fn wait(&mut self) {
        // Something else in the folder may be written all the time, a log perhaps: its hints are one look together.
        let soon = self.looked + QUIET;
        if self.due > soon {
            tokio::select! {
                biased;
                () = sleep_until(self.due) => return,
                () = self.hints.heard() => self.due = soon,
            }
        }
        sleep_until(self.due).await;
    }

    /// What is in the files now. From here on, the hints are about the folders where they are now.
    async fn look(&mut self) -> Fingerprint {
        loop {
            let paths = self.paths.clone();
            // A file system can hang.
            let look = move || (folders::of(&paths), Fingerprint::of(&paths));
            let Ok((folders, now)) = tokio::task::spawn_blocking(look).await else {
                // The runtime ends.
                return self.seen.clone();
            };
            // Nobody told what happened after the look and before these folders were watched: one more look.
            if !self.hints.aim_at(folders) {
                return now;
            }
        }
    }

    /// Whether this is a change to tell; and when to look again.
    fn judge(&mut self, now: Fingerprint) -> Option<Fingerprint> {
        self.looked = Instant::now();
        self.due = self.looked + self.poll;
        let unrest = self.unrest.take();
        if now == self.seen {
            return None;
        }
        let until = match unrest {
            Some(unrest) if unrest.now == now || self.looked >= unrest.until => {
                self.seen = now.clone();
                return Some(now);
            }
            Some(unrest) => unrest.until,
            None => {
                // If it was a folder that was replaced, the hints would be about one that is not there any more.
                self.hints.forget();
                self.looked + PATIENCE
            }
        };
        self.due = until.min(self.looked + QUIET);
        self.unrest = Some(Unrest { now, until });
        None
    }
}
