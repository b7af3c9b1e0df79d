//! The end of all generations: in peace, or at once.

use super::{GenerationState, Reloader};
use crate::{
    error::{Error, code},
    generation::Generation,
    lifecycle::{self, Remains},
    points::{self, ChassisMoment},
    scope::Scope,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// How long a large generation may take to be taken apart, before the process ends.
const PATIENCE: Duration = Duration::from_secs(5);

impl Reloader {
    /// Ends at once: nothing serves any more, and every task is dropped. No plugin is asked to stop.
    pub(crate) fn abandon(&self) {
        self.closing.cancel();
        self.listening.abandon();
        self.current.close();
        self.bus.close();
        self.desk.close();
        let left = std::mem::take(&mut *self.left());
        let left = left.iter().flat_map(Remains::records);
        for record in self.records().into_iter().chain(left) {
            record.tasks.cut_off();
        }
    }

    /// Lets every event be delivered that waits, while all plugins are there; an error if some take too long.
    async fn drain_events(&self, generation: &Generation) -> Option<Error> {
        let patience = generation.config.settings().shutdown.grace;
        let undelivered = self.bus.drain(patience).await;
        self.bus.close();
        (undelivered > 0).then(|| {
            let message =
                format!("{undelivered} events were not delivered within `shutdown.grace`");
            tracing::warn!("{message}");
            Error::new(code::DEADLINE, message)
        })
    }

    /// Deregisters the service, and all that its plugins have registered.
    pub(crate) async fn leave(&self) {
        if self.desk.leave_untold() {
            return;
        }
        let desk = Arc::clone(&self.desk);
        lifecycle::aside(&self.workers, async move { desk.leave().await }).await;
    }

    /// Ends the generation that serves, after the last request; the errors of its plugins. `last` is done while all of them are
    /// there still, and nothing more happens.
    pub(crate) async fn stop(&self, last: impl Future<Output = ()>) -> Vec<Error> {
        self.begin_closing();
        self.leave().await;
        // A reload that runs now is let finish: what it built has to be stopped too.
        let _turn = self.turns.take("the service is stopping".to_owned()).await;
        let Some(lease) = self.current.enter(0) else {
            return Vec::new();
        };
        let generation = Arc::clone(&lease.0);
        let moment = ChassisMoment::new(
            &generation.config.settings().service.name,
            generation.number,
        );
        let scope = Scope::new(lease);
        let topic = points::CHASSIS_STOPPING.name;
        self.bus.tell(&scope, topic, || json!(moment));
        let told = scope.clone();
        lifecycle::aside(&self.workers, async move {
            points::CHASSIS_STOPPING.run(&told, &moment).await;
        })
        .await;
        let undelivered = self.drain_events(&generation).await;
        last.await;
        self.current.close();
        let remains = Remains::of(&generation);
        let number = generation.number;
        let ends_aside = generation.ends_aside();
        drop(generation);
        let mut errors = lifecycle::stop(remains, &scope, &self.workers).await;
        // Behind it those of before that nobody has stopped, because the reload was about to be taken back.
        let left = std::mem::take(&mut *self.left());
        for remains in left {
            errors.extend(lifecycle::stop(remains, &scope, &self.workers).await);
        }
        errors.extend(undelivered);
        // The last hold on the plugins: they end with it, where plugins belong.
        errors.extend(
            self.workers
                .spawn(async move { drop(scope) })
                .await
                .err()
                .map(Error::from),
        );
        if ends_aside {
            let held = self.ledger().held_before(number + 1);
            if let Some(held) = held.iter().find(|held| held.number == number) {
                // Unless a connection that was cut off holds it still.
                _ = tokio::time::timeout(PATIENCE, held.gone.cancelled()).await;
            }
        }
        self.mark(number, GenerationState::Gone);
        errors
    }
}
