//! One reload: from reading the configuration to the last plugin that stops. One at a time.

use super::{
    Before, GenerationState, Held, ReloadPlan, Reloaded, Reloader, Wanted, probation::Rejected,
    queue::Turn,
};
use crate::{
    config::{Config, Overrides},
    error::{Error, Result, code},
    generation::{Lease, Stream},
    instance::Record,
    lifecycle::{self, Anew, Given, Plan, Remains},
    points,
    registry::Asked,
    scope::Scope,
    text::show_duration,
};
use serde_json::json;
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What the next generation is built from.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) config: Arc<Config>,
    pub(super) anew: Anew,
    /// What operators have changed, with what they change now.
    pub(super) overrides: Overrides,
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
}

/// What came of the end of what is not part of a generation any more.
#[derive(Debug, Default)]
struct Retired {
    drained: bool,
    streams_cut: usize,
    stop_errors: Vec<String>,
    /// What took its place has failed probation already: the next one ends it.
    is_left: bool,
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
        let mut overrides = self.overrides();
        wanted.change.apply(&mut overrides);
        let config = self.read_with(&overrides)?;
        let next = self.settle(config, overrides, &wanted)?;
        let swapped = self.swap(old, next, since).await?;
        Ok(self.finish(swapped, since).await)
    }

    /// Builds the next generation, and makes it the one that serves.
    pub(super) async fn swap(
        self: &Arc<Self>,
        old: Arc<Lease>,
        mut next: Next,
        since: Instant,
    ) -> Result<Swapped> {
        let number = self.ledger().last_number + 1;
        let fixed = old.0.config.settings();
        let kept = next.kept.take();
        let judge = next.judge.take();
        let plan = Plan {
            before: Some(&old.0),
            anew: next.anew.clone(),
            asked: &|given| self.watch_also(given),
            kept,
            judge: &|given| judge.as_ref().map_or(Ok(()), |judge| judge.judge(given)),
            ..self.plan(number, Arc::clone(&next.config), fixed)
        };
        let built = lifecycle::build(plan).await?;

        // As a source may have set it.
        let drain = built.generation.config.settings().reload.drain;
        let remains = Remains::of(&old.0).beside(&built.generation);
        let mut reloaded = Reloaded::of(&old.0, &built);
        let is_other = !old.0.config.is_same(&built.generation.config);
        let before = Before {
            generation: old.0.number,
            config: Arc::clone(&old.0.config),
            given: self.given().clone(),
            overrides: self.overrides(),
        };
        if next.overrides != before.overrides && !next.is_back {
            reloaded.plan.message += "; a restart forgets what was changed here";
        }
        if let Some(time) = self.begin_probation(&old.0, &built.generation, before, &next) {
            let time = show_duration(time);
            reloaded.plan.message += &format!("; what is new in it is watched for {time}");
        }
        drop(old);
        self.publish(built, true);
        *self
            .overrides
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = next.overrides;
        reloaded.swap_ms = millis(since);
        Ok(Swapped {
            reloaded,
            remains,
            drain,
            is_other,
        })
    }

    /// Tells of it, and ends what is not part of it.
    pub(super) async fn finish(self: &Arc<Self>, swapped: Swapped, since: Instant) -> Reloaded {
        let Swapped {
            mut reloaded,
            remains,
            drain,
            is_other,
        } = swapped;
        let desk = Arc::clone(&self.desk);
        lifecycle::aside(&self.workers, async move { desk.refresh().await }).await;
        if let Some(scope) = self.current.scope() {
            self.tell_reloaded(&reloaded, &scope).await;
        }
        let retired = self.retire(vec![remains], drain, reloaded.generation).await;
        reloaded.drained = retired.drained;
        reloaded.streams_cut = retired.streams_cut;
        reloaded.stop_errors = retired.stop_errors;
        if retired.is_left {
            reloaded.plan.message += "; it has failed probation already, and is taken back";
        }
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

    /// The streams that pass through these instances, which are to end.
    fn tell_to_leave(&self, records: &[Arc<Record>]) -> Vec<Arc<Stream>> {
        let streams = self.current.streams.through(records);
        streams.iter().for_each(|stream| stream.leave.cancel());
        streams
    }

    /// Ends what could not be ended because it was to be replaced by what has failed, and can't be taken back.
    pub(super) async fn retire_left(self: &Arc<Self>, serving: u64) {
        let settings = self.settings().unwrap_or_default();
        self.retire(Vec::new(), settings.reload.drain, serving)
            .await;
    }

    /// Waits until nobody holds the generations before, and then stops what is not part of the one that serves.
    async fn retire(
        self: &Arc<Self>,
        mut all: Vec<Remains>,
        drain: Duration,
        serving: u64,
    ) -> Retired {
        let mut retired = Retired::default();
        // Not only the last: an older one may have been let go on, when nothing had to be stopped.
        let held = self.ledger().held_before(serving);
        all.append(&mut self.left());
        all.retain(|remains| !remains.is_empty());
        if all.is_empty() {
            retired.drained = true;
            self.bus.disconnect(drain).await;
        } else {
            let records: Vec<_> = all.iter().flat_map(Remains::records).collect();
            // At once: they may need all of the time that there is.
            self.tell_to_leave(&records);
            let failing = self.probation.failing();
            let all_gone = async {
                for held in &held {
                    held.gone.cancelled().await;
                }
                // A request that was under way may have become a stream; from here on none can.
                for stream in self.tell_to_leave(&records) {
                    stream.gone.cancelled().await;
                }
            };
            tokio::select! {
                in_time = tokio::time::timeout(drain, all_gone) => {
                    retired.drained = in_time.is_ok();
                    self.stop_rest(all, &held, drain, &mut retired).await;
                }
                // What failed must not serve until the last request of before has ended: all this is waited for then.
                () = failing.cancelled() => {
                    retired.is_left = true;
                    *self.left() = all;
                }
            }
        }
        for Held { number, gone, .. } in held {
            if gone.is_cancelled() {
                self.mark(number, GenerationState::Gone);
                continue;
            }
            let reloader = Arc::downgrade(self);
            self.workers.spawn(async move {
                gone.cancelled().await;
                if let Some(reloader) = reloader.upgrade() {
                    reloader.mark(number, GenerationState::Gone);
                }
            });
        }
        retired
    }

    /// Stops what no request is in any more, or has been for too long.
    async fn stop_rest(
        &self,
        all: Vec<Remains>,
        held: &[Held],
        drain: Duration,
        retired: &mut Retired,
    ) {
        let records: Vec<_> = all.iter().flat_map(Remains::records).collect();
        retired.streams_cut = cut_off(&self.tell_to_leave(&records)).await;
        for held in held.iter().filter(|held| !held.gone.is_cancelled()) {
            self.mark(held.number, GenerationState::Overdue);
            tracing::warn!(
                generation = held.number,
                "requests of an old generation have outlived `reload.drain`"
            );
        }
        if let Some(scope) = self.current.scope() {
            self.bus.disconnect(drain).await;
            all.iter().for_each(Remains::announce);
            let desk = Arc::clone(&self.desk);
            lifecycle::aside(&self.workers, async move { desk.sweep().await }).await;
            for remains in all {
                let errors = lifecycle::stop(remains, &scope, &self.workers).await;
                let errors = errors.iter().map(Error::report);
                retired.stop_errors.extend(errors);
            }
            // A request that has outlived all this may have become a stream since.
            self.current.streams.cut_late();
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
        let mut overrides = self.overrides();
        wanted.change.apply(&mut overrides);
        let draft = (self.source)(&overrides);
        let config = self.registry.accept(draft, Asked::Not)?;
        let next = self.settle(config, overrides, wanted)?;
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
                } else {
                    reloads.ended(false, since.elapsed());
                    tracing::error!(code = code.name(), error = %told, "reload failed; the old generation goes on serving");
                }
            }
        }
        done
    }
}

/// Ends the streams that have not ended by themselves; how many these are.
async fn cut_off(streams: &[Arc<Stream>]) -> usize {
    /// Whoever reads or writes meets the end at once.
    const AT_ONCE: Duration = Duration::from_secs(1);
    let late = streams.iter().filter(|stream| !stream.gone.is_cancelled());
    let late: Vec<_> = late.collect();
    for stream in &late {
        let route = stream.route.as_ref();
        let route = route.map(|route| format!("{} {}", route.method, route.path));
        tracing::warn!(
            generation = stream.generation,
            route,
            "cut off: it has outlived `reload.drain`, and a plugin that it passes through stops"
        );
        stream.cut.cancel();
    }
    let all_gone = async {
        for stream in &late {
            stream.gone.cancelled().await;
        }
    };
    // One that nobody polls ends with its connection.
    _ = tokio::time::timeout(AT_ONCE, all_gone).await;
    late.len()
}

fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
