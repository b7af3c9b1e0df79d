//! Starts the instances that were built, each after those that it waits for.

use super::{Making, checks, log_failure, on_workers, waves::waves};
use crate::{error::Result, instance::Phase, points, scope::Scope, status::PluginState};
use std::sync::Arc;
use tokio::{task::JoinSet, time::Instant};

impl Making<'_> {
    /// Starts what was built, each after those that it waits for; what fails is taken out of `built`.
    pub(super) async fn start(&mut self, scope: &Scope) {
        let new = self.built.keys().copied();
        let new = new.filter(|&index| !self.is_carried(index)).collect();
        let mut waves = waves(&self.order, &new);
        let mut running: JoinSet<(usize, Result<()>)> = JoinSet::new();
        loop {
            while let Some(index) = waves.next_ready() {
                let record = &self.records[index];
                if let Some(reason) = self.blocked(index, PluginState::is_alive) {
                    record.become_because(PluginState::Blocked, reason);
                    self.forget(index).await;
                    waves.done(index);
                    continue;
                }
                record.become_state(PluginState::Starting);
                // Before `start`, which may wait for one of them.
                record.tasks.begin();
                self.tell(&points::PLUGIN_STARTING, scope, record).await;
                let (record, instance) = (Arc::clone(record), Arc::clone(&self.built[&index]));
                let workers = self.plan.workers.clone();
                running.spawn(async move {
                    let since = Instant::now();
                    let start = async move { instance.life.start().await };
                    let start = on_workers(&workers, record.ward.spot("start"), start);
                    let outcome = record.step(Phase::Start).run(start).await;
                    record.took(Phase::Start, since.elapsed());
                    (index, outcome)
                });
            }
            let Some(Ok((index, outcome))) = running.join_next().await else {
                return;
            };
            let record = Arc::clone(&self.records[index]);
            match outcome {
                Ok(()) => {
                    record.become_state(PluginState::Running);
                    checks::begin(scope, &self.built[&index]);
                    self.tell(&points::PLUGIN_STARTED, scope, &record).await;
                }
                Err(error) => {
                    log_failure("start failed", &record.name, &error);
                    record.fail(&error);
                    self.tell(&points::PLUGIN_FAILED, scope, &record).await;
                    self.forget(index).await;
                }
            }
            waves.done(index);
        }
    }

    async fn forget(&mut self, index: usize) {
        _ = self.records[index].tasks.end().await;
        self.built.remove(&index);
    }
}
