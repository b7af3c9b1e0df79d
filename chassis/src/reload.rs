//! The next generation, or the old one: start-up is the first reload, shutdown the last.

use crate::{
    config::{Config, Draft, Overrides, Settings},
    error::{Error, Result, code},
    event::Bus,
    generation::Current,
    http::Mount,
    instance::{Record, vouch},
    lifecycle::{self, Built, Given, Plan, Remains},
    metrics::Metrics,
    points::{self, ChassisMoment},
    registry::{Asked, Registry},
    scope::Scope,
    services::Desk,
    status::PluginState,
    watch::Fingerprint,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

mod answer;
mod end;
mod ledger;

pub use answer::Reloaded;
use ledger::Ledger;
pub use ledger::{GenerationReport, GenerationState};

/// The files of a configuration, and what was in them when they were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) seen: Fingerprint,
}

/// Reads the configuration anew, with what operators have changed.
pub(crate) type Source = Box<dyn Fn(&Overrides) -> Draft + Send + Sync>;

/// Who builds generations, and knows of them all.
pub(crate) struct Reloader {
    pub(crate) current: Arc<Current>,
    pub(crate) bus: Arc<Bus>,
    /// Who is registered, while generations come and go.
    pub(crate) desk: Arc<Desk>,
    pub(crate) registry: Registry,
    source: Source,
    routers: Vec<Mount>,
    pub(crate) workers: Handle,
    /// One at a time.
    turn: tokio::sync::Mutex<()>,
    ledger: Mutex<Ledger>,
    /// What the sources of configuration gave for the generation that serves.
    given: Mutex<Given>,
    /// What operators have changed.
    overrides: Mutex<Overrides>,
    pub(crate) metrics: Arc<Metrics>,
    /// The files that the configuration was read from last, and what was in them.
    files: watch::Sender<Files>,
    /// Cancelled when the service begins to stop; what is being built then is given up.
    closing: CancellationToken,
}

impl Reloader {
    pub(crate) fn new(
        registry: Registry,
        source: Source,
        routers: Vec<Mount>,
        workers: Handle,
        metrics: Arc<Metrics>,
    ) -> Self {
        let current = Arc::<Current>::default();
        let serving = Arc::downgrade(&current);
        let closing = CancellationToken::new();
        let desk = Desk::new(Arc::clone(&current), workers.clone(), closing.clone());
        let enter = move || serving.upgrade().and_then(|current| current.scope());
        Self {
            bus: Bus::new(
                (&points::EVENTS, &points::EVENTS_TRANSPORT),
                workers.clone(),
                enter,
            ),
            desk: Arc::new(desk),
            current,
            metrics,
            registry,
            source,
            routers,
            workers,
            turn: tokio::sync::Mutex::default(),
            ledger: Mutex::default(),
            given: Mutex::default(),
            overrides: Mutex::default(),
            files: watch::Sender::new(Files::default()),
            closing,
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn overrides(&self) -> Overrides {
        let overrides = self.overrides.lock();
        overrides.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records of all instances that are known.
    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.ledger().shown.clone()
    }

    /// The generations, the newest first; of those that are gone only the last few.
    pub(crate) fn generations(&self) -> Vec<GenerationReport> {
        self.ledger().entries.iter().rev().cloned().collect()
    }

    /// Why requests should go elsewhere; none if they should come.
    pub(crate) fn not_ready(&self) -> Option<String> {
        if self.closing.is_cancelled() {
            return Some("the service is stopping".to_owned());
        }
        self.current.not_ready()
    }

    /// From now on the service says that it is not ready.
    pub(crate) fn begin_closing(&self) {
        self.closing.cancel();
    }

    /// Reads the configuration; the sources have not been asked yet.
    pub(crate) fn read(&self) -> Result<Config> {
        self.read_with(&self.overrides())
    }

    fn read_with(&self, overrides: &Overrides) -> Result<Config> {
        // Before they are read: what changes meanwhile is a change.
        let mut seen = Fingerprint::of(&self.files.borrow().paths);
        let draft = (self.source)(overrides);
        let mut paths: Vec<PathBuf> = draft.watched().map(Into::into).collect();
        paths.extend(self.given().watched().map(Into::into));
        seen.extend(&paths);
        self.files.send_replace(Files { paths, seen });
        self.registry.accept(draft, Asked::Not)
    }

    /// Tells of each reading of the configuration: which files, and what was in them.
    pub(crate) fn files(&self) -> watch::Receiver<Files> {
        self.files.subscribe()
    }

    /// The settings of the generation that serves.
    pub(crate) fn settings(&self) -> Option<Settings> {
        let lease = self.current.enter(0)?;
        Some(lease.0.config.settings().clone())
    }

    /// Builds the first generation.
    pub(crate) async fn first(&self, config: Config) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.metrics.begin(&config.settings().metrics);
        let number = self.ledger().last_number + 1;
        let show = |records: &[Arc<Record>]| self.ledger().shown = records.to_vec();
        let fixed = config.settings().clone();
        let plan = Plan {
            watch: &show,
            asked: &|given| self.watch_also(given),
            ..self.plan(number, config, &fixed)
        };
        _ = self.publish(lifecycle::build(plan).await?, true);
        Ok(())
    }

    /// Builds a generation that will not start.
    pub(crate) async fn build_only(&self, config: Config) -> Result<()> {
        let fixed = config.settings().clone();
        let plan = Plan {
            build_only: true,
            ..self.plan(1, config, &fixed)
        };
        _ = self.publish(lifecycle::build(plan).await?, false);
        Ok(())
    }

    /// What a generation is built from; the details are the caller's.
    fn plan<'a>(&'a self, number: u64, config: Config, fixed: &'a Settings) -> Plan<'a> {
        Plan {
            number,
            config: Arc::new(config),
            registry: &self.registry,
            routers: self.routers.clone(),
            workers: self.workers.clone(),
            current: Arc::downgrade(&self.current),
            bus: Arc::clone(&self.bus),
            metrics: Arc::clone(&self.metrics),
            desk: Arc::downgrade(&self.desk),
            before: None,
            fixed,
            last_given: self.given().clone(),
            asked: &|_| (),
            build_only: false,
            stop: self.closing.clone(),
            serves: CancellationToken::new(),
            watch: &|_| (),
        }
    }

    /// Makes a generation the one that serves; the signal that the one before it is gone. One that has not started has
    /// nothing to do with other services.
    fn publish(&self, built: Built, has_started: bool) -> Option<oneshot::Receiver<()>> {
        let Built {
            generation,
            until_gone,
            given,
            moments,
        } = built;
        if let Some(before) = self.current.enter(0) {
            vouch(&before.0.records, &generation.records);
        }
        if has_started {
            self.bus.prepare(&generation.config);
        }
        self.current.publish(&generation);
        if let Some(scope) = self.current.scope() {
            self.bus.serve(&scope, &generation.config);
            if has_started {
                self.bus.connect(&scope, &generation.config);
            }
            moments.publish(&self.bus, &scope);
        }
        self.metrics.reloads.published();
        *self.given() = given;
        // Whether anything is watched is a setting of the generation.
        self.files.send_modify(|_| ());
        let mut ledger = self.ledger();
        ledger.publish(
            generation.number,
            generation.created,
            generation.instances.len(),
        );
        ledger.shown.clone_from(&generation.records);
        ledger.until_gone.replace(until_gone)
    }

    /// Has watched what the sources gave their answers from.
    fn watch_also(&self, given: &Given) {
        self.files.send_modify(|files| {
            let mut new: Vec<PathBuf> = given.watched().map(Into::into).collect();
            new.retain(|path| !files.paths.contains(path));
            files.seen.extend(&new);
            files.paths.extend(new);
        });
    }

    fn mark(&self, number: u64, state: GenerationState) {
        self.ledger().mark(number, state);
    }

    /// Reads the configuration, builds the next generation, makes it the one that serves, waits for the old one to
    /// empty, and stops it. Any failure before the swap leaves the old one serving.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<Reloaded> {
        self.reload_with(|_| ()).await
    }

    /// The same after an operator's change, which only lasts if the reload succeeds.
    pub(crate) async fn reload_with(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Overrides) + Send,
    ) -> Result<Reloaded> {
        let since = Instant::now();
        let turn = self.turn.try_lock().map_err(|_| {
            Error::new(code::RELOAD_BUSY, "a reload is running already")
                .with_help("try again when it is done")
        });
        let done = match turn {
            Ok(turn) => self.try_reload(turn, change).await,
            Err(busy) => Err(busy),
        };
        self.told(done, since)
    }

    /// The same for who can wait until a reload that runs already is done.
    pub(crate) async fn reload_in_turn(self: &Arc<Self>) -> Result<Reloaded> {
        let turn = self.turn.lock().await;
        let since = Instant::now();
        self.told(self.try_reload(turn, |_| ()).await, since)
    }

    async fn try_reload(
        self: &Arc<Self>,
        _turn: tokio::sync::MutexGuard<'_, ()>,
        change: impl FnOnce(&mut Overrides) + Send,
    ) -> Result<Reloaded> {
        if self.closing.is_cancelled() {
            return Err(Error::new(code::CLOSED, "the service is stopping"));
        }
        let since = Instant::now();
        let Some(old) = self.current.enter(0) else {
            return Err(Error::new(code::CLOSED, "the service does not run yet"));
        };
        let before_change = self.overrides();
        let mut overrides = before_change.clone();
        change(&mut overrides);
        let config = self.read_with(&overrides)?;
        let number = self.ledger().last_number + 1;
        let ran = |record: &Arc<Record>| (Arc::clone(&record.name), record.state().is_alive());
        let before: BTreeMap<_, _> = old.0.records.iter().map(ran).collect();
        let fixed = old.0.config.settings();
        let plan = Plan {
            before: Some(&before),
            asked: &|given| self.watch_also(given),
            ..self.plan(number, config, fixed)
        };
        let built = lifecycle::build(plan).await?;

        // As a source may have set it.
        let drain = built.generation.config.settings().reload.drain;
        let remains = Remains::of(&old.0);
        let mut reloaded = answer::compare(&old.0, &built.generation);
        let is_other = !old.0.config.is_same(&built.generation.config);
        drop(old);
        let until_gone = self.publish(built, true);
        if overrides != before_change {
            reloaded.message += "; a restart forgets what was changed here";
        }
        *self
            .overrides
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = overrides;
        reloaded.swap_ms = millis(since);
        let desk = Arc::clone(&self.desk);
        lifecycle::aside(&self.workers, async move { desk.refresh().await }).await;

        let mut until_gone = until_gone.unwrap_or_else(|| oneshot::channel().1);
        reloaded.drained = tokio::time::timeout(drain, &mut until_gone).await.is_ok();
        if let Some(scope) = self.current.scope() {
            let number = reloaded.generation;
            for record in self.records() {
                if reloaded.rebuilt.contains(&record.name) {
                    let point = &points::PLUGIN_RELOADED;
                    lifecycle::tell(point, &scope, &record, number, &self.workers).await;
                }
            }
            self.bus.disconnect(drain).await;
            remains.announce();
            let desk = Arc::clone(&self.desk);
            lifecycle::aside(&self.workers, async move { desk.sweep().await }).await;
            let errors = lifecycle::stop(remains, &scope, &self.workers).await;
            reloaded.stop_errors = errors.iter().map(Error::report).collect();
        }
        if reloaded.drained {
            self.mark(reloaded.previous, GenerationState::Gone);
        } else {
            self.wait_for_the_rest(reloaded.previous, until_gone);
        }
        reloaded.total_ms = millis(since);
        // A reload may have read what was there before.
        if let Some(scope) = self.current.scope().filter(|_| is_other) {
            self.bus.tell(&scope, "config.changed", || json!(reloaded));
        }
        tracing::info!(
            generation = reloaded.generation,
            drained = reloaded.drained,
            swap_ms = reloaded.swap_ms,
            "reloaded"
        );
        self.warn_of_idle();
        Ok(reloaded)
    }

    /// Says in one line which plugins should run, and do not.
    pub(crate) fn warn_of_idle(&self) {
        let mut records = self.records();
        records.retain(|record| record.state() != PluginState::Disabled);
        // Who failed comes before those that are blocked for it.
        records.sort_by_key(|record| record.state());
        let idle = in_states(&records, |state| !state.is_alive());
        if !idle.is_empty() {
            let (count, all) = (idle.len(), records.len());
            let verb = if count == 1 { "does" } else { "do" };
            tracing::warn!(
                "{count} of {all} plugins {verb} not run: {}",
                idle.join(", ")
            );
        }
    }

    /// Says in one line which plugins a start waits for that is given up.
    pub(crate) fn warn_of_waiting(&self) {
        let is_busy = |state| matches!(state, PluginState::Initializing | PluginState::Starting);
        let busy = in_states(&self.records(), is_busy);
        if !busy.is_empty() {
            tracing::warn!("the start was waiting for {}", busy.join(", "));
        }
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

    fn wait_for_the_rest(self: &Arc<Self>, number: u64, until_gone: oneshot::Receiver<()>) {
        self.mark(number, GenerationState::Overdue);
        tracing::warn!(
            generation = number,
            "requests of the old generation have outlived `reload.drain`"
        );
        let reloader = Arc::downgrade(self);
        self.workers.spawn(async move {
            _ = until_gone.await;
            if let Some(reloader) = reloader.upgrade() {
                reloader.mark(number, GenerationState::Gone);
            }
        });
    }

    /// Registers the service, which listens here, and tells everybody that it is up.
    pub(crate) async fn started(&self, listen: Option<SocketAddr>) {
        self.desk.enter(listen).await;
        if let Some(lease) = self.current.enter(0) {
            let moment =
                ChassisMoment::new(&lease.0.config.settings().service.name, lease.0.number);
            let scope = Scope::new(lease);
            let topic = points::CHASSIS_STARTED.name;
            self.bus.tell(&scope, topic, || json!(moment));
            points::CHASSIS_STARTED.run(&scope, &moment).await;
        }
    }

    /// Waits until the service begins to stop.
    pub(crate) async fn until_closing(&self) {
        self.closing.cancelled().await;
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

/// Those that are in some state, with it.
fn in_states(records: &[Arc<Record>], is_wanted: impl Fn(PluginState) -> bool) -> Vec<String> {
    let states = records.iter().map(|record| (&record.name, record.state()));
    let wanted = states.filter(|(_, state)| is_wanted(*state));
    wanted
        .map(|(name, state)| format!("{name} ({state})"))
        .collect()
}

fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
