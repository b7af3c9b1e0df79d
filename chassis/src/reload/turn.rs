//! One reload: from reading the configuration to the last plugin that stops. One at a time.

use super::{GenerationState, Held, ReloadPlan, Reloaded, Reloader, Wanted, way::Way};
use crate::{
    config::Config,
    error::{Error, Result, code},
    generation::Stream,
    instance::Record,
    lifecycle::{self, Past, Plan, Remains},
    listening::Which,
    points,
    registry::Asked,
    scope::Scope,
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::MutexGuard as Turn, time::Instant};

/// What came of those that had to stop.
pub(super) struct Retired {
    pub(super) drained: bool,
    pub(super) streams_cut: usize,
    pub(super) stop_errors: Vec<String>,
}

impl Default for Retired {
    fn default() -> Self {
        Self {
            drained: true,
            streams_cut: 0,
            stop_errors: Vec::new(),
        }
    }
}

impl Retired {
    fn and(mut self, other: Self) -> Self {
        self.drained &= other.drained;
        self.streams_cut += other.streams_cut;
        self.stop_errors.extend(other.stop_errors);
        self
    }
}

impl Reloader {
    /// Reads the configuration, builds the next generation, makes it the one that serves, waits for the old one to
    /// empty, and stops what is not part of the new one. Any failure before the swap leaves the old one serving, and what an
    /// operator wanted to have changed unchanged.
    pub(crate) async fn reload(self: &Arc<Self>, wanted: Wanted) -> Result<Reloaded> {
        let since = Instant::now();
        let turn = self.turn.try_lock().map_err(|_| {
            Error::new(code::RELOAD_BUSY, "a reload is running already")
                .with_help("try again when it is done")
        });
        let done = match turn {
            Ok(turn) => self.try_reload(turn, wanted).await,
            Err(busy) => Err(busy),
        };
        self.told(done, since)
    }

    /// The same for who can wait until a reload that runs already is done.
    pub(crate) async fn reload_in_turn(self: &Arc<Self>) -> Result<Reloaded> {
        let turn = self.turn.lock().await;
        let since = Instant::now();
        self.told(self.try_reload(turn, Wanted::default()).await, since)
    }

    async fn try_reload(self: &Arc<Self>, _turn: Turn<'_, ()>, wanted: Wanted) -> Result<Reloaded> {
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
        let before_change = self.overrides();
        let mut overrides = before_change.clone();
        wanted.change.apply(&mut overrides);
        let config = self.read_with(&overrides)?;
        let number = self.ledger().last_number + 1;
        let (previous, before) = (old.0.number, Arc::clone(&old.0.config));
        let past = Arc::new(Past::of(&old.0));
        // It may have to come to its end before the next one is built.
        drop(old);
        let way = Arc::new(Way::default());
        let moves = Mutex::new(Vec::new());
        let bind = |config: &Config| {
            let bound = self.listening.prepare(config, &[])?;
            *moves.lock().unwrap_or_else(PoisonError::into_inner) = bound;
            Ok(())
        };
        let plan = Plan {
            before: Some(past),
            anew: wanted.anew,
            asked: &|given| self.watch_also(given),
            settled: &bind,
            make_way: &|stops| way.make(self, stops),
            ..self.plan(number, Arc::new(config), before.settings())
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
        drop(old);
        self.publish(built, true);
        let moves = moves.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.listening.begin(moves).await;
        if overrides != before_change {
            reloaded.plan.message += "; a restart forgets what was changed here";
        }
        *self
            .overrides
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = overrides;
        reloaded.swap_ms = millis(since);
        let desk = Arc::clone(&self.desk);
        let listen = self.listening.address(Which::Service);
        lifecycle::aside(&self.workers, async move { desk.refresh_at(listen).await }).await;
        if let Some(scope) = self.current.scope() {
            self.tell_reloaded(&reloaded, &scope).await;
        }
        let (first, last) = (
            way.retired().await,
            self.retire(remains, reloaded.generation, drain).await,
        );
        reloaded.take(first.and(last));
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
        Ok(reloaded)
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

    /// Waits until nobody holds the generations before, and then stops what is not part of the one that serves.
    pub(super) async fn retire(
        self: &Arc<Self>,
        remains: Remains,
        generation: u64,
        drain: Duration,
    ) -> Retired {
        let mut retired = Retired::default();
        // Not only the last: an older one may have been let go on, when nothing had to be stopped.
        let held = self.ledger().held_before(generation);
        if remains.is_empty() {
            self.bus.disconnect(drain).await;
        } else {
            let records = remains.records();
            // At once: they may need all of the time that there is.
            self.tell_to_leave(&records);
            let all_gone = async {
                for held in &held {
                    held.gone.cancelled().await;
                }
                // A request that was under way may have become a stream; from here on none can.
                for stream in self.tell_to_leave(&records) {
                    stream.gone.cancelled().await;
                }
            };
            retired.drained = tokio::time::timeout(drain, all_gone).await.is_ok();
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
                remains.announce();
                let desk = Arc::clone(&self.desk);
                lifecycle::aside(&self.workers, async move { desk.sweep().await }).await;
                let errors = lifecycle::stop(remains, &scope, &self.workers).await;
                retired.stop_errors = errors.iter().map(Error::report).collect();
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
        let layers = self.given().layers();
        let config = self
            .registry
            .accept(config.with_sources(&layers), Asked::Already)?;
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
                if [code::RELOAD_BUSY, code::CLOSED].contains(&code) {
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
