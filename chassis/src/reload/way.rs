//! Way for what can't be there twice: the old instances that hold it are stopped while all else serves on. If the next
//! generation does not come to be after that, they come back.

use super::{Reloader, retire::Retired};
use crate::{
    call::BoxFuture,
    error::{Error, Result, code},
    generation::{self, Away, Parts},
    lifecycle::{self, Built, Lines, Moments, Past, Plan, Remains},
    status::PluginState,
    text,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

/// What was stopped first in a reload; nothing, in most.
#[derive(Default)]
pub(super) struct Way(Mutex<State>);

#[derive(Default)]
struct State {
    stopped: Vec<Arc<str>>,
    retired: Retired,
    /// It goes on though the service is asked to stop: what has begun to stop has to come to an end.
    task: Option<JoinHandle<()>>,
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops these, and says which number the next generation has then.
    pub(super) fn make<'a>(
        self: &Arc<Self>,
        reloader: &'a Arc<Reloader>,
        stops: BTreeMap<Arc<str>, String>,
    ) -> BoxFuture<'a, Result<u64>> {
        let this = Arc::clone(self);
        Box::pin(async move {
            let remains = reloader.go_on_without(&stops)?;
            let number = reloader.ledger().last_number;
            this.state().stopped = stops.into_keys().collect();
            let ended = CancellationToken::new();
            let (stopping, way, done) = (Arc::clone(reloader), Arc::clone(&this), ended.clone());
            let stop = async move {
                let _done = done.drop_guard();
                let drain = stopping.settings().unwrap_or_default().reload.drain;
                // They have to stop, whatever becomes of others meanwhile.
                let never = CancellationToken::new();
                let retired = stopping.retire(vec![remains], drain, number, never).await;
                way.state().retired = retired;
            };
            // What it logs belongs to the reload.
            let task = tokio::spawn(stop.instrument(Span::current()));
            this.state().task = Some(task);
            ended.cancelled().await;
            Ok(number + 1)
        })
    }

    /// Waits for its end, if the reload was given up meanwhile.
    async fn ended(&self) {
        let task = self.state().task.take();
        if let Some(task) = task {
            // Whatever panics in there is guarded.
            _ = task.await;
        }
    }

    /// What came of those that were stopped.
    pub(super) async fn retired(&self) -> Retired {
        self.ended().await;
        std::mem::take(&mut self.state().retired)
    }
}

impl Reloader {
    /// From now on a generation serves in which some instances are away; what is to be stopped.
    fn go_on_without(&self, stops: &BTreeMap<Arc<str>, String>) -> Result<Remains> {
        let old = self.serving()?;
        let old = &old.0;
        let is_stopped = |name: &str| stops.contains_key(name);
        let (away, go_on): (Vec<_>, Vec<_>) = old
            .instances
            .iter()
            .cloned()
            .partition(|instance| is_stopped(instance.name()));
        let number = self.ledger().last_number + 1;
        let (generation, until_gone) = generation::assemble(Parts {
            number,
            config: Arc::clone(&old.config),
            linked: &self.registry.points,
            nodes: old.nodes.clone(),
            order: old.order.clone(),
            records: old.records.clone(),
            instances: go_on,
            routers: self.routers.clone(),
            bus: Arc::clone(&self.bus),
            metrics: &self.metrics,
            serves: CancellationToken::new(),
            closing: self.closing.clone(),
            workers: self.workers.clone(),
            away: away.iter().map(|instance| Away::of(instance)).collect(),
        })?;
        let remains = Remains::of(old).only(is_stopped);
        let built = Built {
            generation,
            until_gone,
            given: self.given().clone(),
            moments: Moments::default(),
            changes: Vec::new(),
            renewed: Vec::new(),
            lines: Lines::AsBefore,
        };
        self.publish(built, true);
        for instance in away {
            let (record, why) = (&instance.record, &stops[instance.name()]);
            tracing::info!(plugin = %record.name, "stopped first: {why}");
            if record.state().is_alive() {
                let reason = format!("a reload builds it anew, and stops it first: {why}");
                record.become_because(PluginState::Suspended, reason);
            }
        }
        Ok(remains)
    }

    /// What is told of a reload that has failed. If something was stopped for it, that is brought back.
    pub(super) async fn without_next(self: &Arc<Self>, error: Error, way: &Way) -> Error {
        way.ended().await;
        let stopped = std::mem::take(&mut way.state().stopped);
        if stopped.is_empty() || self.closing.is_cancelled() {
            return error;
        }
        let names = text::quoted(stopped.iter().map(|name| &**name));
        let (first, message) = match self.bring_back(&stopped).await {
            Ok(()) => {
                tracing::info!("brought back: {names}");
                let message =
                    format!("{names} had been stopped first, and runs again as it did before");
                (None, message)
            }
            Err(error) => {
                let told = error.line();
                let message =
                    format!("{names} had been stopped first, and does not run any more: {told}");
                tracing::error!("{message}");
                (error.plugin().map(Into::into), message)
            }
        };
        let plugin: Option<Arc<str>> = first.or_else(|| stopped.into_iter().next());
        let note = Error::new(code::RELOAD_FAILED, message).at("stops_first");
        let note = match plugin {
            Some(plugin) => note.in_plugin(plugin),
            None => note,
        };
        let all = [error, note];
        Error::all(all).unwrap_or_else(|| Error::msg("the reload has failed"))
    }

    /// Builds again, with the configuration that serves, what was stopped; an error if one of them does not run.
    async fn bring_back(self: &Arc<Self>, stopped: &[Arc<str>]) -> Result<()> {
        let (config, past) = {
            let serving = self.serving()?;
            (Arc::clone(&serving.0.config), Past::of(&serving.0))
        };
        let number = self.ledger().last_number + 1;
        let plan = Plan {
            before: Some(Arc::new(past)),
            comes_back: true,
            ..self.plan(number, Arc::clone(&config), config.settings())
        };
        let built = lifecycle::build(plan).await?;
        let built = Built {
            given: self.given().clone(),
            ..built
        };
        let records = built.generation.records.clone();
        let drain = config.settings().reload.drain;
        self.publish(built, true);
        // Nobody has to be stopped.
        self.retire(Vec::new(), drain, number, CancellationToken::new())
            .await;
        let down = records
            .iter()
            .filter(|record| stopped.contains(&record.name));
        let down = down.filter(|record| !record.state().is_alive());
        let errors = down.map(|record| {
            let reason = record.status().reason.unwrap_or_default();
            let message = format!("`{}` is {}: {reason}", record.name, record.state());
            Error::new(code::RELOAD_FAILED, message).in_plugin(Arc::clone(&record.name))
        });
        Error::all(errors).map_or(Ok(()), Err)
    }
}
