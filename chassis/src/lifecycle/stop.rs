//! Stops instances: in reverse, one after the other, errors collected and not obeyed.

use super::{log_failure, on_workers, tell};
use crate::{
    error::Error,
    generation::Generation,
    instance::{Instance, Phase, Record},
    points,
    scope::Scope,
    status::PluginState,
};
use std::{collections::HashSet, sync::Arc};

/// What is needed of a generation to stop it, without holding it.
#[derive(Default)]
pub(crate) struct Remains {
    number: u64,
    instances: Vec<Arc<Instance>>,
}

impl Remains {
    pub(crate) fn of(generation: &Generation) -> Self {
        Self {
            number: generation.number,
            instances: generation.instances.clone(),
        }
    }

    /// What is not part of the next generation any more.
    pub(crate) fn beside(mut self, next: &Generation) -> Self {
        let go_on: HashSet<_> = next.instances.iter().map(Arc::as_ptr).collect();
        self.instances
            .retain(|instance| !go_on.contains(&Arc::as_ptr(instance)));
        self
    }

    /// Those of these names.
    pub(crate) fn only(mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        self.instances.retain(|instance| is_wanted(instance.name()));
        self
    }

    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        let instances = self.instances.iter();
        instances
            .map(|instance| Arc::clone(&instance.record))
            .collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// Tells all of them that they are about to stop.
    pub(crate) fn announce(&self) {
        for instance in &self.instances {
            instance.record.tasks.announce_stop();
        }
    }
}

/// Stops the instances of a generation, in reverse; the errors, each with its plugin. Of their moments the plugins in
/// `scope` are told, those that have not stopped themselves.
pub(crate) async fn stop(
    remains: Remains,
    scope: &Scope,
    workers: &tokio::runtime::Handle,
) -> Vec<Error> {
    remains.announce();
    let Remains {
        number,
        mut instances,
    } = remains;
    let mut errors = Vec::new();
    while let Some(instance) = instances.pop() {
        let record = Arc::clone(&instance.record);
        let tell = async |point| tell(point, scope, &record, number, workers).await;
        tell(&points::PLUGIN_STOPPING).await;
        if let Some(error) = stop_one(&instance, workers).await {
            tell(&points::PLUGIN_FAILED).await;
            errors.push(error);
        }
        // If nobody holds it any more, the plugin itself ends here: guarded, because it is the plugin's own code.
        let end = async move {
            drop(instance);
            Ok(())
        };
        let end = on_workers(workers, record.ward.spot("stop"), end);
        if let Err(error) = record.step(Phase::Stop).run(end).await {
            errors.push(error);
        }
        tell(&points::PLUGIN_STOPPED).await;
    }
    errors
}

/// Stops one instance: `stop` if it has started, then the end of its tasks.
pub(super) async fn stop_one(
    instance: &Arc<Instance>,
    workers: &tokio::runtime::Handle,
) -> Option<Error> {
    let record = &instance.record;
    record.tasks.announce_stop();
    let has_started = matches!(
        record.state(),
        PluginState::Running | PluginState::Degraded | PluginState::Suspended
    );
    let mut failed = None;
    if has_started {
        record.become_state(PluginState::Stopping);
        let stopping = Arc::clone(instance);
        let stop = async move { stopping.life.stop().await };
        let stop = on_workers(workers, record.ward.spot("stop"), stop);
        if let Err(error) = record.step(Phase::Stop).run(stop).await {
            log_failure("stop failed", &record.name, &error);
            record.remember(&error);
            failed = Some(error);
        }
    }
    if let Err(error) = record.tasks.end().await {
        log_failure("stop failed", &record.name, &error);
        failed.get_or_insert(error);
    }
    if record.state() != PluginState::Failed {
        record.become_state(PluginState::Stopped);
    }
    failed
}
