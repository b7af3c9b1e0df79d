//! Reloads the service when its configuration files change, and reads the tokens of operators again when theirs does.

use crate::{credentials::Credentials, reload::Reloader, watch::Watcher};
use std::{sync::Arc, time::Duration};

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

/// Watches the tokens until the service begins to stop. It is no reload: a token that is taken back must not wait until the
/// rest of the configuration is right, nor for `reload.watch`.
pub(super) async fn reread_on_change(
    credentials: Arc<Credentials>,
    reloader: Arc<Reloader>,
    poll: Duration,
) {
    let mut watcher = Watcher::new(vec![credentials.file().to_owned()], poll);
    loop {
        let read = Arc::clone(&credentials);
        // A file system can hang. The first time for what has changed since the start.
        match tokio::task::spawn_blocking(move || read.reread()).await {
            Ok(Ok(Some(tokens))) => tracing::info!(tokens, "`management.token_file` has changed"),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                let error = error.line();
                tracing::error!(%error, "`management.token_file` has changed, and is wrong; the tokens of before are asked for");
            }
            // The runtime ends.
            Err(_) => return,
        }
        tokio::select! {
            () = reloader.until_closing() => return,
            _ = watcher.changed() => {}
        }
    }
}
