//! Asks plugins for the metrics that they collect, in the background: who reads metrics waits for nobody.

use crate::{points, reload::Reloader};
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

/// Asks again and again, as long as there is a service. It runs on the supervisor, the plugins on the workers.
pub(crate) async fn collect(reloader: Weak<Reloader>) {
    loop {
        let Some(service) = reloader.upgrade() else {
            return;
        };
        ask(&service).await;
        let interval = service.settings().map(|settings| settings.metrics.interval);
        drop(service);
        tokio::time::sleep(interval.unwrap_or(SOON)).await;
    }
}

/// While nothing serves.
const SOON: Duration = Duration::from_secs(1);

/// Each handler has a deadline of its own: whoever takes longer than this blocks its thread.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks once.
async fn ask(reloader: &Reloader) {
    let Some(scope) = reloader.current.scope() else {
        return;
    };
    if points::METRICS_COLLECT.is_idle(&scope) {
        // Those who collected have gone, and so does what they said.
        reloader.metrics.recorded.collected(&BTreeMap::new());
        return;
    }
    let metrics = Arc::clone(&reloader.metrics);
    let mut asking = reloader.workers.spawn(async move {
        let answers = points::METRICS_COLLECT.ask_each(&scope, &()).await;
        let mut samples: BTreeMap<_, Vec<_>> = BTreeMap::new();
        // A plugin may have several handlers there. One that fails is told of by the guard, and gives nothing.
        for (plugin, answer) in answers.unwrap_or_default() {
            let collected = answer.unwrap_or_default();
            samples.entry(plugin).or_default().extend(collected);
        }
        metrics.recorded.collected(&samples);
    });
    if tokio::time::timeout(PATIENCE, &mut asking).await.is_err() {
        tracing::error!(
            "a handler at `metrics.collect` blocks its thread; nobody is asked before it ends"
        );
        // Asked again meanwhile, it would take one thread after another.
        _ = asking.await;
    }
}
