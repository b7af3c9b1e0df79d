//! One reload: from reading the configuration to the last plugin that stops. One at a time.

use super::{
    Before, ReloadPlan, Reloaded, Reloader, Wanted, kept::Trial, probation::Rejected, queue::Turn,
    way::Way,
};
use crate::{
    config::Config,
    error::{Error, Result, code},
    generation::Lease,
    lifecycle::{self, Anew, Given, Past, Plan, Remains},
    listening::Which,
    points,
    registry::Asked,
    scope::Scope,
    text::show_duration,
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What the next generation is built from.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) config: Arc<Config>,
    pub(super) anew: Anew,
    /// What operators have changed, with what they change now.
    pub(super) trial: Trial,
    /// What the sources gave once, in place of asking them.
    pub(super) kept: Option<Given>,
    /// What the files say has failed probation: nothing is built, unless the sources say something else now.
    pub(super) judge: Option<Arc<Rejected>>,
    /// Whether what the files say goes on to be rejected.
    pub(super) keeps_rejected: bool,
    /// Whether it is what served well before: nobody watches it.
    pub(super) is_back: bool,
}

/// A generation that serves now, and what is not part of it any more.
pub(super) struct Swapped {
    reloaded: Reloaded,
    remains: Remains,
    drain: Duration,
    is_other: bool,
    /// Whether what was to be persisted is.
    kept: Result<()>,
    /// What was stopped first.
    way: Arc<Way>,
}

impl Swapped {
    pub(super) fn generation(&self) -> u64 {
        self.reloaded.generation
    }
}

impl Reloader {
    /// Reads the configuration, builds the next generation, makes it the one that serves, waits for the old one to
    /// empty, and stops what is not part of the new one. Any failure before the swap leaves the old one serving, and what an
    /// operator wanted to have changed unchanged.
    pub(crate) async fn reload(self: &Arc<Self>, wanted: Wanted) -> Result<Reloaded> {
        let since = Instant::now();
        let done = match self.turns.try_take(wanted.to_string()) {
            Ok(turn) => self.try_reload(turn, wanted).await,
            Err(busy) => Err(busy),
        };
        self.told(done, since)
    }

    /// The same for who can wait until a reload that runs already is done.
    pub(crate) async fn reload_in_turn(self: &Arc<Self>) -> Result<Reloaded> {
        let wanted = Wanted::default();
        let turn = self.turns.take(wanted.to_string()).await;
        let since = Instant::now();
        self.told(self.try_reload(turn, wanted).await, since)
    }

    async fn try_reload(self: &Arc<Self>, _turn: Turn<'_>, wanted: Wanted) -> Result<Reloaded> {
        if self.closing.is_cancelled() {
            return Err(Error::new(code::CLOSED, "the service is stopping"));
        }
        let since = Instant::now();
        let Some(old) = self.current.enter(0) else {
            return Err(Error::new(code::CLOSED, "the service does not run yet"));
        };
        wanted.check(old.0.number)?;
        if let Some(credentials) = self.current.credentials.get() {
            _ = credentials.reread()?;
        }
        let (trial, config) = self.try_change(&wanted, &old.0.config).await?;
        let next = self.settle(config, trial, &wanted)?;
        let mut swapped = self.swap(old, next, since).await?;
        let kept = std::mem::replace(&mut swapped.kept, Ok(()));
        let reloaded = self.finish(swapped, since).await;
        kept.map(|()| reloaded)
    }

    /// Builds the next generation, and makes it the one that serves.
    pub(super) async fn swap(
        self: &Arc<Self>,
        old: Arc<Lease>,
        mut next: Next,
        since: Instant,
    ) -> Result<Swapped> {
        let number = self.ledger().last_number + 1;
        let (previous, serving) = (old.0.number, Arc::clone(&old.0.config));
        let past = Arc::new(Past::of(&old.0));
        // It may have to come to its end before the next one is built.
        drop(old);
        let way = Arc::new(Way::default());
        let (kept, judge) = (next.kept.take(), next.judge.take());
        let moves = Mutex::new(Vec::new());
        let settled = |config: &Config, given: &Given| {
            judge.as_ref().map_or(Ok(()), |judge| judge.judge(given))?;
            let bound = self.listening.prepare(config, &[])?;
            *moves.lock().unwrap_or_else(PoisonError::into_inner) = bound;
            Ok(())
        };
        let plan = Plan {
            before: Some(past),
            anew: next.anew.clone(),
            asked: &|given| self.watch_also(given),
            kept,
            settled: &settled,
            make_way: &|stops| way.make(self, stops),
            ..self.plan(number, Arc::clone(&next.config), serving.settings())
        };
        let built = match lifecycle::build(plan).await {
            Ok(built) => built,
            Err(error) => return Err(self.without_next(error, &way).await),
        };
        let old = self.serving()?;

        // As a source may have set it.
        let drain = built.generation.config.settings().reload.drain;
        let remains = Remains::of(&old.0).beside(&built.generation);
        let mut reloaded = Reloaded::of(&old.0, &built);
        reloaded.previous = previous;
        let is_other = !old.0.config.is_same(&built.generation.config);
        let before = Before {
            generation: previous,
            config: serving,
            given: self.given().clone(),
            overrides: self.overrides(),
            unwritten: next.trial.unwritten(),
        };
        next.trial.tell(&mut reloaded);
        if let Some(time) = self.begin_probation(&old.0, &built.generation, before, &next) {
            let time = show_duration(time);
            reloaded.plan.message += &format!("; what is new in it is watched for {time}");
        }
        drop(old);
        self.publish(built, true);
        let moves = moves.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.listening.begin(moves).await;
        reloaded.swap_ms = millis(since);
        let kept = self.keep(next.trial, &mut reloaded).await;
        Ok(Swapped {
            kept,
            reloaded,
            remains,
            drain,
            is_other,
            way,
        })
    }

    /// Tells of it, and ends what is not part of it.
    pub(super) async fn finish(self: &Arc<Self>, swapped: Swapped, since: Instant) -> Reloaded {
        let Swapped {
            mut reloaded,
            remains,
            drain,
            is_other,
            way,
            kept: _,
        } = swapped;
        let desk = Arc::clone(&self.desk);
        let listen = self.listening.address(Which::Service);
        lifecycle::aside(&self.workers, async move { desk.refresh_at(listen).await }).await;
        if let Some(scope) = self.current.scope() {
            self.tell_reloaded(&reloaded, &scope).await;
        }
        let last = self
            .retire(
                vec![remains],
                drain,
                reloaded.generation,
                self.probation.failing(),
            )
            .await;
        let retired = way.retired().await.and(last);
        if retired.is_left {
            reloaded.plan.message += "; it has failed probation already, and is taken back";
        }
        reloaded.take(retired);
        reloaded.total_ms = millis(since);
        // A reload may have read what was there before.
        if let Some(scope) = self.current.scope().filter(|_| is_other) {
            self.bus.tell(&scope, "config.changed", || json!(reloaded));
        }
        tracing::info!(
            generation = reloaded.generation,
            rebuilt = reloaded.rebuilt.len(),
            carried = reloaded.carried.len(),
            drained = reloaded.drained,
            swap_ms = reloaded.swap_ms,
            "reloaded"
        );
        self.warn_of_idle();
        reloaded
    }

    /// Tells plugins of those that were built anew.
    async fn tell_reloaded(&self, reloaded: &Reloaded, scope: &Scope) {
        for record in self.records() {
            if reloaded.rebuilt.contains(&record.name) {
                let (point, number) = (&points::PLUGIN_RELOADED, reloaded.generation);
                lifecycle::tell(point, scope, &record, number, &self.workers).await;
            }
        }
    }

    /// What a reload would change now. It touches nothing: the sources of configuration are not asked, what they gave last
    /// is taken.
    ///
    /// # Errors
    ///
    /// If the configuration is wrong.
    pub(crate) fn dry_run(&self, wanted: &Wanted) -> Result<ReloadPlan> {
        let old = self.serving()?;
        wanted.check(old.0.number)?;
        let trial = self.attempt(wanted, &old.0.config)?;
        let draft = (self.source)(&trial.overrides);
        let config = self.registry.accept(draft, Asked::Not)?;
        self.accept_patch(wanted, &config)?;
        let next = self.settle(config, trial, wanted)?;
        let given = next.kept.unwrap_or_else(|| self.given().clone());
        next.judge.map_or(Ok(()), |judge| judge.judge(&given))?;
        let draft = next.config.with_sources(&given.layers());
        let config = self.registry.accept(draft, Asked::Already)?;
        let changes = lifecycle::changes(&self.registry, &config, &old.0, &wanted.anew)?;
        Ok(ReloadPlan::of(&old.0, &config, changes))
    }

    /// Counts a reload, and logs that it was refused, or failed.
    fn told(&self, done: Result<Reloaded>, since: Instant) -> Result<Reloaded> {
        let reloads = &self.metrics.reloads;
        match &done {
            Ok(_) => reloads.ended(true, since.elapsed()),
            Err(error) => {
                let (code, told) = (error.code(), error.line());
                if [code::RELOAD_BUSY, code::RELOAD_REJECTED, code::CLOSED].contains(&code) {
                    reloads.refused();
                    tracing::warn!(code = code.name(), error = %told, "reload refused");
                } else if code == code::NOT_PERSISTED {
                    reloads.ended(true, since.elapsed());
                    tracing::error!(code = code.name(), error = %told, "reloaded, but a restart forgets what was changed");
                } else {
                    reloads.ended(false, since.elapsed());
                    tracing::error!(code = code.name(), error = %told, "reload failed; the old generation goes on serving");
                }
            }
        }
        done
    }
}

fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
