//! Stops instances: in reverse, one after the other, errors collected and not obeyed.

use super::{on_workers, scope, tell};
use crate::{
    error::Error,
    generation::{self, Generation, Parts},
    instance::Instance,
    point::{LinkedPoint, PointInfo},
    points,
    scope::Scope,
    status::PluginState,
};
use std::sync::Arc;

/// What is needed of a generation to stop it, without holding it.
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
}

/// Who is told of the moments of instances that stop.
pub(crate) enum Audience<'a> {
    /// The plugins of the generation that serves now.
    Successor(Scope),
    /// Those of the same generation that have not stopped yet.
    Rest(&'a Generation, &'a [(PointInfo, &'static LinkedPoint)]),
}

/// Stops the instances of a generation, in reverse; the errors, each with its plugin.
pub(crate) async fn stop(
    remains: Remains,
    audience: Audience<'_>,
    workers: &tokio::runtime::Handle,
) -> Vec<Error> {
    let Remains {
        number,
        mut instances,
    } = remains;
    let mut errors = Vec::new();
    for instance in &instances {
        instance.record.tasks.announce_stop();
    }
    let mut rest = None;
    while let Some(instance) = instances.pop() {
        let scope = match &audience {
            Audience::Successor(scope) => Some(scope.clone()),
            // Built anew only when somebody has left who was told.
            Audience::Rest(generation, linked) => {
                if rest.is_none() || listens(&instance) {
                    rest = remaining(generation, linked, &instances);
                }
                rest.clone()
            }
        };
        let record = Arc::clone(&instance.record);
        if let Some(scope) = &scope {
            tell(&points::PLUGIN_STOPPING, scope, &record, number).await;
        }
        if let Some(error) = stop_one(&instance, workers).await {
            if let Some(scope) = &scope {
                tell(&points::PLUGIN_FAILED, scope, &record, number).await;
            }
            errors.push(error);
        }
        // The plugin itself is dropped here, if no request holds it any more.
        drop(instance);
        if let Some(scope) = &scope {
            tell(&points::PLUGIN_STOPPED, scope, &record, number).await;
        }
    }
    errors
}

/// Whether an instance is told of the moments of others.
fn listens(instance: &Instance) -> bool {
    let moments = [
        &points::PLUGIN_STOPPING,
        &points::PLUGIN_STOPPED,
        &points::PLUGIN_FAILED,
    ];
    let told = |point: &str| moments.iter().any(|moment| moment.name == point);
    instance
        .contributions
        .handlers
        .iter()
        .any(|handler| told(&handler.point))
}

fn remaining(
    generation: &Generation,
    linked: &[(PointInfo, &'static LinkedPoint)],
    instances: &[Arc<Instance>],
) -> Option<Scope> {
    let parts = Parts {
        number: generation.number,
        config: Arc::clone(&generation.config),
        linked,
        nodes: generation.nodes.clone(),
        order: generation.order.clone(),
        records: generation.records.clone(),
        instances: instances.to_vec(),
        routers: Vec::new(),
    };
    // A constraint may ask for somebody who has left; then nobody is told.
    generation::assemble(parts)
        .ok()
        .map(|(generation, _)| scope(&generation))
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
        if let Err(error) = record.stop.run(on_workers(workers, stop)).await {
            tracing::error!(plugin = %record.name, error = %error.report(), "stop failed");
            record.remember(&error);
            failed = Some(error);
        }
    }
    record.tasks.end().await;
    if record.state() != PluginState::Failed {
        record.become_state(PluginState::Stopped);
    }
    failed
}
