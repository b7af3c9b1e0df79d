//! The next generation, or the old one: start-up is the first reload, shutdown the last.

use crate::{
    config::{Config, Draft, Overrides, Settings},
    credentials::Credentials,
    error::{Error, Result, code},
    event::Bus,
    generation::{Current, Lease},
    http::Mount,
    instance::Record,
    lifecycle::{self, Anew, Built, Given, Lines, Plan, Remains, Renewed},
    listening::{Listening, Move, Which},
    metrics::Metrics,
    points::{self, ChassisMoment},
    registry::{Asked, Registry},
    scope::Scope,
    services::Desk,
    status::PluginState,
    telemetry::Levels,
    watch::Fingerprint,
};
use serde_json::json;
use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

mod answer;
mod end;
mod ledger;
mod probation;
mod queue;
mod retire;
mod rollback;
mod wanted;
mod kept;
mod turn;
mod way;

pub use answer::{ReloadPlan, Reloaded};
pub use ledger::{GenerationReport, GenerationState, StreamReport};
use ledger::{Held, Ledger};
use probation::{Before, Probation};
use queue::Queue;
pub use rollback::{OnProbation, ProbationReport, Rollback};
use turn::Next;
pub(crate) use wanted::{Change, Wanted};

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
    /// Where the service listens.
    pub(crate) listening: Listening,
    /// One at a time.
    turns: Queue,
    ledger: Mutex<Ledger>,
    /// What the sources of configuration gave for the generation that serves.
    given: Mutex<Given>,
    /// What operators have changed.
    overrides: Mutex<Overrides>,
    /// What is watched after a reload.
    probation: Probation,
    /// What should have stopped by now, the newest first: the reload that was to stop it is being taken back.
    left: Mutex<Vec<Remains>>,
    pub(crate) metrics: Arc<Metrics>,
    /// The log, if it is the service's own.
    pub(crate) log: OnceLock<Arc<Levels>>,
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
            log: OnceLock::new(),
            registry,
            source,
            routers,
            workers,
            listening: Listening::default(),
            turns: Queue::default(),
            ledger: Mutex::default(),
            given: Mutex::default(),
            overrides: Mutex::default(),
            probation: Probation::default(),
            left: Mutex::default(),
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

    /// What should have stopped by now, the newest first.
    fn left(&self) -> MutexGuard<'_, Vec<Remains>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records of all instances that are known.
    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.ledger().shown.clone()
    }

    /// The generations, the newest first; of those that are gone only the last few, and those whose streams are open.
    pub(crate) fn generations(&self) -> Vec<GenerationReport> {
        self.ledger().report(&self.current.streams.all())
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

    /// The generation that serves.
    pub(crate) fn serving(&self) -> Result<Arc<Lease>> {
        self.current.enter(0).ok_or_else(|| {
            Error::new(
                code::CLOSED,
                "no generation serves: the service is starting, or stopping",
            )
        })
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

    /// Reads the tokens of operators, once; from then on a change of them is [`Credentials::reread`].
    pub(crate) fn credentials(&self, config: &Config) -> Result<Option<Arc<Credentials>>> {
        let Some(file) = config.token_file() else {
            return Ok(None);
        };
        let read = Arc::new(Credentials::read(file)?);
        Ok(Some(Arc::clone(
            self.current.credentials.get_or_init(|| read),
        )))
    }

    /// Builds the first generation, and accepts where that is to be served.
    pub(crate) async fn first(&self, config: Config, accept: Vec<Move>) -> Result<()> {
        let _turn = self.turns.take("the service is starting".to_owned()).await;
        self.metrics.begin(&config.settings().metrics);
        let number = self.ledger().last_number + 1;
        let show = |records: &[Arc<Record>]| self.ledger().shown = records.to_vec();
        let config = Arc::new(config);
        let fixed = config.settings().clone();
        let plan = Plan {
            watch: &show,
            asked: &|given| self.watch_also(given),
            ..self.plan(number, config, &fixed)
        };
        self.publish(lifecycle::build(plan).await?, true);
        self.listening.begin(accept).await;
        Ok(())
    }

    /// Builds a generation that will not start.
    pub(crate) async fn build_only(&self, config: Config) -> Result<()> {
        let fixed = config.settings().clone();
        let plan = Plan {
            build_only: true,
            ..self.plan(1, Arc::new(config), &fixed)
        };
        self.publish(lifecycle::build(plan).await?, false);
        Ok(())
    }

    /// What a generation is built from; the details are the caller's.
    fn plan<'a>(&'a self, number: u64, config: Arc<Config>, fixed: &'a Settings) -> Plan<'a> {
        Plan {
            number,
            config,
            registry: &self.registry,
            routers: self.routers.clone(),
            workers: self.workers.clone(),
            current: Arc::downgrade(&self.current),
            bus: Arc::clone(&self.bus),
            metrics: Arc::clone(&self.metrics),
            log: self.log.get().map(|log| &**log),
            desk: Arc::downgrade(&self.desk),
            before: None,
            comes_back: false,
            make_way: &|_| {
                Box::pin(std::future::ready(Err(Error::msg(
                    "there is nobody to stop",
                ))))
            },
            fixed,
            anew: Anew::Nothing,
            last_given: self.given().clone(),
            kept: None,
            asked: &|_| (),
            settled: &|_, _| Ok(()),
            build_only: false,
            stop: self.closing.clone(),
            serves: CancellationToken::new(),
            watch: &|_| (),
        }
    }

    /// Makes a generation the one that serves. One that has not started has nothing to do with other services.
    fn publish(&self, built: Built, has_started: bool) {
        let Built {
            generation,
            until_gone,
            given,
            moments,
            changes: _,
            renewed,
            lines,
        } = built;
        if has_started {
            self.bus.prepare(&generation.config);
        }
        self.current.publish(&generation);
        renewed.into_iter().for_each(Renewed::apply);
        if let (Lines::By(brought), Some(log)) = (lines, self.log.get()) {
            log.write_by(brought);
        }
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
        let held = Held {
            number: generation.number,
            meters: generation.routes.meters.clone(),
            gone: until_gone,
        };
        ledger.publish(generation.created, generation.instances.len(), held);
        ledger.shown.clone_from(&generation.records);
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
        let open = self.current.streams.generations();
        self.ledger().mark(number, state, &open);
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

    /// Registers the service, and tells everybody that it is up.
    pub(crate) async fn started(&self) {
        let listen = self.listening.address(Which::Service);
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
