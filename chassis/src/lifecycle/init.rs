//! Builds the instances of a stage: admitted first, then each after those that it waits for.

use super::{Making, hand_over::hand_over, log_failure, on_workers, waves::waves};
use crate::{
    call::Spot,
    context::{Background, PluginContext},
    error::{Error, Result, code},
    generation::exporters,
    info::Stage,
    instance::{Instance, Phase},
    metrics::Meter,
    point::Flow,
    points::{self, Candidate},
    scope::Scope,
    status::PluginState,
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Weak},
};
use tokio::{task::JoinSet, time::Instant};

impl Making<'_> {
    /// Asks which instances of a stage are admitted; those that are enabled, and are not there already.
    pub(super) async fn admit_stage(
        &mut self,
        stage: Stage,
        judges: Option<Scope>,
    ) -> Result<BTreeSet<usize>> {
        let mine: BTreeSet<usize> = (0..self.specs.len())
            .filter(|&index| self.specs[index].registration.info.stage == stage)
            .filter(|&index| self.specs[index].is_enabled())
            .collect();
        // Before the first `init`: whether a plugin is admitted must not depend on who was faster.
        let (mut admitted, mut errors) = (0, Vec::new());
        for &index in &self.order.sequence {
            let record = &self.records[index];
            if mine.contains(&index)
                && let Err(error) = self.admit(index, admitted, judges.as_ref()).await
            {
                log_failure("plugin denied", &record.name, &error);
                if self.is_carried(index) {
                    let told = error.line_of(&record.name);
                    let message =
                        format!("`{}` runs now, and would not any more: {told}", record.name);
                    let refused = Error::new(code::RELOAD_FAILED, message)
                        .in_plugin(Arc::clone(&record.name))
                        .at(points::ADMIT.name)
                        .caused_by(error.code().name());
                    errors.push(self.specs[index].placed(refused));
                } else {
                    record.fail(&error);
                }
            }
            let is_admitted =
                self.specs[index].is_enabled() && record.state() != PluginState::Failed;
            admitted += usize::from(is_admitted);
        }
        Error::all(errors).map_or(Ok(()), Err)?;
        let mine = mine.into_iter().filter(|&index| !self.is_carried(index));
        Ok(mine.collect())
    }

    /// Builds these instances, each after those that it waits for.
    pub(super) async fn init(&mut self, mine: BTreeSet<usize>) -> Result<()> {
        let mut waves = waves(&self.order, &mine);
        let mut running: JoinSet<(usize, Result<Instance>)> = JoinSet::new();
        loop {
            while let Some(index) = waves.next_ready() {
                match self.init_one(index) {
                    Some(init) => _ = running.spawn(async move { (index, init.await) }),
                    None => waves.done(index),
                }
            }
            let Some(finished) = running.join_next().await else {
                return Ok(());
            };
            let (index, outcome) = finished?;
            let record = &self.records[index];
            match outcome {
                Ok(instance) => {
                    record.become_state(PluginState::Initialized);
                    if instance.contributions.are_of_guard() {
                        record.become_guard();
                    }
                    let instance = Arc::new(instance);
                    instance.contributions.count_in(record.owner.metrics());
                    self.built.insert(index, instance);
                    self.see(index);
                }
                Err(error) => {
                    log_failure("init failed", &record.name, &error);
                    record.fail(&error);
                    _ = record.tasks.end().await;
                }
            }
            waves.done(index);
        }
    }

    /// Whether an instance is admitted, after so many others.
    async fn admit(&self, index: usize, admitted: usize, judges: Option<&Scope>) -> Result<()> {
        let (spec, denied) = (&self.specs[index], |reason: &str| {
            let message = format!("not admitted: {reason}");
            Error::new(code::DENIED, message)
                .in_plugin(Arc::clone(&self.specs[index].name))
                .at(points::ADMIT.name)
        });
        let most = self.plan.config.settings().admission.max_plugins;
        if most > 0 && admitted >= most {
            return Err(denied(&format!("`admission.max_plugins` is {most}"))
                .with_help("raise `admission.max_plugins`, or disable a plugin"));
        }
        let Some(scope) = judges else { return Ok(()) };
        let info = Arc::clone(&spec.registration.info);
        let mut candidate = Candidate {
            name: Arc::clone(&spec.name),
            info,
            admitted,
        };
        let scope = scope.clone();
        let ask = async move { points::ADMIT.apply_flow(&scope, &mut candidate).await };
        let deadline = self.plan.config.settings().lifecycle.init_deadline;
        let workers = &self.plan.workers;
        let asked = tokio::time::timeout(deadline, on_workers(workers, Spot::default(), ask)).await;
        let hangs = |_| {
            Error::new(
                code::DEADLINE,
                "those who decide at `plugin.admit` do not answer",
            )
        };
        match asked.unwrap_or_else(|late| Err(hangs(late)))? {
            Flow::Continue => Ok(()),
            Flow::Answer(points::Denied(reason)) => Err(denied(&reason)),
        }
    }

    /// Begins an `init`; none if the instance was denied or is blocked.
    fn init_one(
        &mut self,
        index: usize,
    ) -> Option<impl Future<Output = Result<Instance>> + Send + use<>> {
        let record = Arc::clone(&self.records[index]);
        if record.state() != PluginState::Registered {
            return None;
        }
        if let Some(reason) = self.blocked(index, |state| {
            state == PluginState::Initialized || state.is_alive()
        }) {
            record.become_because(PluginState::Blocked, reason);
            return None;
        }
        record.become_state(PluginState::Initializing);
        let left = self.left.remove(&index);
        let (old, previous) = match left {
            // It has stopped meanwhile.
            Some(previous) => (None, Some(previous)),
            None => self.predecessor(index).unzip(),
        };
        let spec = &self.specs[index];
        let required = self.order.requires[index].iter();
        let names = required.clone();
        let names = names.map(|&other| Arc::clone(&self.specs[other].name));
        let seen = exporters(None, required.filter_map(|other| self.seen.get(other)));
        let background = Background::new(
            Arc::clone(&spec.name),
            record.tasks.clone(),
            Weak::clone(&self.plan.current),
            self.plan.bus.way(),
            Weak::clone(&self.plan.desk),
            self.plan.serves.clone(),
            Meter::new(Arc::clone(&record.owner)),
        );
        let handed = previous
            .as_ref()
            .map(|previous| Arc::clone(&previous.handed));
        let cx = PluginContext::new(
            Arc::clone(&spec.registration.info),
            background,
            names.collect(),
            seen,
            previous,
        );
        let init = spec
            .registration
            .build(&spec.section, cx, Arc::clone(&record));
        let workers = self.plan.workers.clone();
        Some(async move {
            if let Some((old, handed)) = old.zip(handed) {
                hand_over(&old, &handed, &workers).await?;
            }
            let since = Instant::now();
            let init = on_workers(&workers, record.ward.spot("init"), init);
            let outcome = record.step(Phase::Init).run(init).await;
            record.took(Phase::Init, since.elapsed());
            outcome
        })
    }
}
