//! What the system tells of folders. It may tell too much, and too little.

use notify::{
    ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc};
use tokio::sync::Notify;

/// That something has happened in one of the folders.
pub(super) struct Hints {
    open: Open,
    bell: Arc<Notify>,
    folders: BTreeSet<PathBuf>,
    /// Dropped, it ends.
    watcher: Option<RecommendedWatcher>,
    has_warned: bool,
}

type Open = fn(Arc<Notify>) -> notify::Result<RecommendedWatcher>;

impl Hints {
    pub(super) fn new() -> Self {
        Self::opened_by(open)
    }

    pub(super) fn opened_by(open: Open) -> Self {
        Self {
            open,
            bell: Arc::default(),
            folders: BTreeSet::new(),
            watcher: None,
            has_warned: false,
        }
    }

    #[cfg(test)]
    pub(super) fn can_hear(&self) -> bool {
        self.watcher.is_some() && !self.has_warned
    }

    /// Waits until something has happened. Cancel safe.
    pub(super) async fn heard(&self) {
        self.bell.notified().await;
    }

    /// Hears about these folders, and no others; whether that is new.
    ///
    /// Begun anew each time: a watch belongs to the folder that had the name then, and folders are replaced.
    pub(super) fn aim_at(&mut self, folders: BTreeSet<PathBuf>) -> bool {
        if folders == self.folders {
            return false;
        }
        self.folders = folders;
        self.watcher = None;
        match (self.open)(Arc::clone(&self.bell)) {
            Ok(mut watcher) => {
                for folder in &self.folders {
                    // If it has just gone, the look that follows finds another.
                    if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
                        && !matches!(error.kind, ErrorKind::PathNotFound)
                    {
                        warn_once(&mut self.has_warned, &error);
                    }
                }
                self.watcher = Some(watcher);
            }
            Err(error) => warn_once(&mut self.has_warned, &error),
        }
        true
    }

    /// Whatever it is aimed at next is new.
    pub(super) fn forget(&mut self) {
        self.folders.clear();
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hints")
            .field("folders", &self.folders)
            .finish_non_exhaustive()
    }
}

/// It runs on a thread of its own, and only rings.
fn open(bell: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.map_or(true, |event| may_change(event.kind)) {
            bell.notify_one();
        }
    })
}

/// Not if somebody reads: we do so ourselves, and would look for ever.
fn may_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

fn warn_once(has_warned: &mut bool, error: &notify::Error) {
    if !std::mem::replace(has_warned, true) {
        tracing::warn!(
            %error,
            "changes of the configuration may be seen late: the system does not tell of them"
        );
    }
}
