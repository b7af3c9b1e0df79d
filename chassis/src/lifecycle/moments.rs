//! The moments in the life of an instance: plugins at its points are told at once, and those who subscribe by an event.

use super::Making;
use crate::{event::Bus, instance::Record, point::ActionPoint, points::PluginMoment, scope::Scope};
use serde_json::json;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::runtime::Handle;

/// Moments of a generation that does not serve yet: those who subscribe are told when it does, or never.
#[derive(Debug, Default)]
pub(crate) struct Moments(Mutex<Vec<(&'static str, PluginMoment)>>);

impl Moments {
    fn add(&self, topic: &'static str, moment: PluginMoment) {
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moments.push((topic, moment));
    }

    /// The generation serves.
    pub(crate) fn publish(self, bus: &Bus, scope: &Scope) {
        let moments = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (topic, moment) in moments {
            bus.tell(scope, topic, || json!(moment));
        }
    }
}

impl Making<'_> {
    pub(super) async fn tell(
        &self,
        point: &'static ActionPoint<PluginMoment>,
        scope: &Scope,
        record: &Record,
    ) {
        let moment = moment(record, self.plan.number);
        self.moments.add(point.name, moment.clone());
        run(point, scope, moment, &self.plan.workers).await;
    }
}

/// Tells plugins, and those who subscribe, of a moment in the life of an instance.
pub(crate) async fn tell(
    point: &'static ActionPoint<PluginMoment>,
    scope: &Scope,
    record: &Record,
    generation: u64,
    workers: &Handle,
) {
    let moment = moment(record, generation);
    if let Some(bus) = Bus::of(scope) {
        bus.tell(scope, point.name, || json!(moment));
    }
    run(point, scope, moment, workers).await;
}

fn moment(record: &Record, generation: u64) -> PluginMoment {
    let status = record.status();
    let mut moment = PluginMoment::new(&record.info, &record.name, generation, status.state);
    moment.error = status.last_error.map(|error| error.message);
    moment
}

async fn run(
    point: &'static ActionPoint<PluginMoment>,
    scope: &Scope,
    moment: PluginMoment,
    workers: &Handle,
) {
    if point.is_idle(scope) {
        return;
    }
    let scope = scope.clone();
    aside(
        workers,
        async move { drop(point.run(&scope, &moment).await) },
    )
    .await;
}

/// Lets handlers run on the workers, where plugins belong. The supervisor waits for them, but not for ever: one that
/// blocks its thread would take with it what the supervisor is there for.
pub(crate) async fn aside(workers: &Handle, work: impl Future<Output = ()> + Send + 'static) {
    const PATIENCE: Duration = Duration::from_secs(30);
    if tokio::time::timeout(PATIENCE, workers.spawn(work))
        .await
        .is_err()
    {
        tracing::error!("handlers of a moment block their thread; going on without them");
    }
}
