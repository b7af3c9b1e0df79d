//! Reloads the service when its configuration files change.

use crate::{reload::Reloader, watch::Watcher};
use std::sync::Arc;

/// Watches until the service begins to stop. Whether it does, each generation says anew: `reload.watch`.
pub(super) async fn reload_on_change(reloader: Arc<Reloader>) {
    let mut files = reloader.files();
    let mut watcher: Option<Watcher> = None;
    loop {
        let settings = reloader.settings().map(|settings| settings.reload);
        let settings = settings.filter(|settings| settings.watch);
        let now = files.borrow_and_update().clone();
        watcher = match settings {
            // There is nothing to watch for who is configured by code alone.
            Some(settings) if !now.paths.is_empty() => {
                let mut watcher = watcher
                    .take()
                    .unwrap_or_else(|| Watcher::new(Vec::new(), settings.poll));
                watcher.poll_every(settings.poll);
                watcher.watch(now.paths, now.seen);
                Some(watcher)
            }
            _ => None,
        };
        let changed = async {
            match &mut watcher {
                Some(watcher) => _ = watcher.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = reloader.until_closing() => return,
            // Somebody else has read them: from now on that counts.
            read = files.changed() => if read.is_err() { return },
            () = changed => {
                tracing::info!("the configuration has changed: reloading");
                // It logs its own end; and what is wrong with a file is not tried again until the file changes.
                _ = reloader.reload_in_turn().await;
            }
        }
    }
}
