//! Hands all metrics to the plugins that bring them elsewhere, in the background.

use crate::{points, reload::Reloader, report};
use std::{sync::Weak, time::Duration};

/// Hands them over again and again, as long as there is a service. It runs on the supervisor, the plugins on the workers.
pub(crate) async fn export(reloader: Weak<Reloader>) {
    loop {
        let Some(service) = reloader.upgrade() else {
            return;
        };
        let interval = service.settings().map(|settings| settings.metrics.interval);
        drop(service);
        tokio::time::sleep(interval.unwrap_or(SOON)).await;
        let Some(service) = reloader.upgrade() else {
            return;
        };
        hand_over(&service, false).await;
    }
}

/// For the last time.
pub(crate) async fn last(reloader: &Reloader) {
    hand_over(reloader, true).await;
}

/// While nothing serves.
const SOON: Duration = Duration::from_secs(1);

/// Each handler has a deadline of its own: whoever takes longer than this blocks its thread.
const PATIENCE: Duration = Duration::from_secs(30);

async fn hand_over(reloader: &Reloader, is_last: bool) {
    // One round at a time: who was told late must not be told of the past after the present.
    let Ok(mut is_over) = tokio::time::timeout(PATIENCE, reloader.metrics.exporting.lock()).await
    else {
        tracing::error!(
            "metrics are not exported: a handler at `metrics.export` blocks its thread"
        );
        return;
    };
    if *is_over {
        return;
    }
    *is_over = is_last;
    // Not before: what waits must not hold a generation.
    let Some(scope) = reloader.current.scope() else {
        return;
    };
    if points::METRICS_EXPORT.is_idle(&scope) {
        return;
    }
    let snapshot = report::snapshot(reloader, is_last);
    // What fails is told of where it is asked.
    let mut telling = reloader
        .workers
        .spawn(async move { drop(points::METRICS_EXPORT.ask(&scope, &snapshot).await) });
    if tokio::time::timeout(PATIENCE, &mut telling).await.is_err() {
        tracing::error!(
            "a handler at `metrics.export` blocks its thread; nobody is told before it ends"
        );
        if !is_last {
            _ = telling.await;
        }
    }
}
