//! The next generation, or the old one: start-up is the first reload, shutdown the last.

use crate::{
    config::{Config, Settings},
    error::{Error, Result, code},
    generation::Current,
    instance::Record,
    lifecycle::{self, Audience, Built, Plan, Remains},
    points::{self, ChassisMoment},
    registry::Registry,
    scope::Scope,
};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};
use tokio::{runtime::Handle, sync::oneshot, time::Instant};

mod answer;
mod ledger;

pub use answer::Reloaded;
use ledger::Ledger;
pub use ledger::{GenerationReport, GenerationState};

/// Reads the configuration anew.
pub(crate) type Source = Box<dyn Fn() -> Result<Config> + Send + Sync>;

/// Who builds generations, and knows of them all.
pub(crate) struct Reloader {
    pub(crate) current: Arc<Current>,
    pub(crate) registry: Registry,
    source: Source,
    routers: Vec<axum::Router>,
    pub(crate) workers: Handle,
    /// One at a time.
    turn: tokio::sync::Mutex<()>,
    ledger: Mutex<Ledger>,
    closing: AtomicBool,
}

impl Reloader {
    pub(crate) fn new(
        registry: Registry,
        source: Source,
        routers: Vec<axum::Router>,
        workers: Handle,
    ) -> Self {
        Self {
            current: Arc::default(),
            registry,
            source,
            routers,
            workers,
            turn: tokio::sync::Mutex::default(),
            ledger: Mutex::default(),
            closing: AtomicBool::new(false),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records of all instances that are known.
    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.ledger().shown.clone()
    }

    /// The generations, the newest first; of those that are gone only the last few.
    pub(crate) fn generations(&self) -> Vec<GenerationReport> {
        self.ledger().entries.iter().rev().cloned().collect()
    }

    /// Whether requests are served.
    pub(crate) fn is_ready(&self) -> bool {
        !self.closing.load(Relaxed) && self.current.scope().is_some()
    }

    /// From now on the service says that it is not ready.
    pub(crate) fn begin_closing(&self) {
        self.closing.store(true, Relaxed);
    }

    /// Builds the first generation.
    pub(crate) async fn first(&self, config: Config) -> Result<()> {
        let _turn = self.turn.lock().await;
        let number = self.ledger().last_number + 1;
        let show = |records: &[Arc<Record>]| self.ledger().shown = records.to_vec();
        let built = self.build(number, config, None, &show).await?;
        _ = self.publish(built);
        Ok(())
    }

    async fn build(
        &self,
        number: u64,
        config: Config,
        may_fail: Option<&BTreeSet<Arc<str>>>,
        watch: &(dyn Fn(&[Arc<Record>]) + Sync),
    ) -> Result<Built> {
        let plan = Plan {
            number,
            config: Arc::new(config),
            registry: &self.registry,
            routers: self.routers.clone(),
            workers: self.workers.clone(),
            current: Arc::downgrade(&self.current),
            may_fail,
            watch,
        };
        lifecycle::build(plan).await
    }

    /// Makes a generation the one that serves; the signal that the one before it is gone.
    fn publish(&self, built: Built) -> Option<oneshot::Receiver<()>> {
        let Built {
            generation,
            until_gone,
        } = built;
        self.current.publish(&generation);
        let mut ledger = self.ledger();
        ledger.publish(
            generation.number,
            generation.created,
            generation.instances.len(),
        );
        ledger.shown.clone_from(&generation.records);
        ledger.until_gone.replace(until_gone)
    }

    fn mark(&self, number: u64, state: GenerationState) {
        self.ledger().mark(number, state);
    }

    /// Reads the configuration, builds the next generation, makes it the one that serves, waits for the old one to
    /// empty, and stops it. Any failure before the swap leaves the old one serving.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<Reloaded> {
        let _turn = self.turn.try_lock().map_err(|_| {
            Error::new(code::RELOAD_BUSY, "a reload is running already")
                .with_help("try again when it is done")
        })?;
        if self.closing.load(Relaxed) {
            return Err(Error::new(code::CLOSED, "the service is stopping"));
        }
        let since = Instant::now();
        let Some(old) = self.current.enter(0) else {
            return Err(Error::new(code::CLOSED, "the service does not run yet"));
        };
        let config = (self.source)()?;
        check_restart(old.0.config.settings(), &config)?;
        let drain = config.settings().reload.drain;
        let number = self.ledger().last_number + 1;
        let down = |record: &&Arc<Record>| !record.state().is_alive();
        let down: BTreeSet<_> = old
            .0
            .records
            .iter()
            .filter(down)
            .map(|record| Arc::clone(&record.name))
            .collect();
        let built = self.build(number, config, Some(&down), &|_| ()).await.inspect_err(|error| {
            tracing::error!(error = %error.report(), "reload failed; the old generation goes on serving");
        })?;

        let remains = Remains::of(&old.0);
        let mut reloaded = answer::compare(&old.0, &built.generation);
        drop(old);
        let until_gone = self.publish(built);
        reloaded.swap_ms = millis(since);

        let mut until_gone = until_gone.unwrap_or_else(|| oneshot::channel().1);
        reloaded.drained = tokio::time::timeout(drain, &mut until_gone).await.is_ok();
        if let Some(scope) = self.current.scope() {
            let errors = lifecycle::stop(remains, Audience::Successor(scope), &self.workers).await;
            reloaded.stop_errors = errors.iter().map(Error::report).collect();
        }
        if reloaded.drained {
            self.mark(reloaded.previous, GenerationState::Gone);
        } else {
            self.wait_for_the_rest(reloaded.previous, until_gone);
        }
        reloaded.total_ms = millis(since);
        tracing::info!(
            generation = reloaded.generation,
            drained = reloaded.drained,
            swap_ms = reloaded.swap_ms,
            "reloaded"
        );
        Ok(reloaded)
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

    /// Tells everybody that the service is up.
    pub(crate) async fn started(&self) {
        if let Some(lease) = self.current.enter(0) {
            let moment =
                ChassisMoment::new(&lease.0.config.settings().service.name, lease.0.number);
            points::CHASSIS_STARTED
                .run(&Scope::new(lease, None), &moment)
                .await;
        }
    }

    /// Ends the generation that serves, after the last request; the errors of its plugins.
    pub(crate) async fn stop(&self) -> Vec<Error> {
        self.begin_closing();
        // A reload that runs now is let finish: what it built has to be stopped too.
        let _turn = self.turn.lock().await;
        let Some(lease) = self.current.enter(0) else {
            return Vec::new();
        };
        let generation = Arc::clone(&lease.0);
        let moment = ChassisMoment::new(
            &generation.config.settings().service.name,
            generation.number,
        );
        points::CHASSIS_STOPPING
            .run(&Scope::new(lease, None), &moment)
            .await;
        self.current.close();
        let audience = Audience::Rest(&generation, &self.registry.points);
        let errors = lifecycle::stop(Remains::of(&generation), audience, &self.workers).await;
        self.mark(generation.number, GenerationState::Gone);
        errors
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader")
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

fn millis(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

/// Some settings are read once, when the process starts.
fn check_restart(old: &Settings, config: &Config) -> Result<()> {
    let new = config.settings();
    let changed = [
        ("server.listen", old.server.listen != new.server.listen),
        (
            "server.max_connections",
            old.server.max_connections != new.server.max_connections,
        ),
        (
            "server.max_header",
            old.server.max_header != new.server.max_header,
        ),
        (
            "server.header_timeout",
            old.server.header_timeout != new.server.header_timeout,
        ),
        (
            "server.idle_timeout",
            old.server.idle_timeout != new.server.idle_timeout,
        ),
        (
            "management.listen",
            old.management.listen != new.management.listen,
        ),
        ("shutdown", old.shutdown != new.shutdown),
        ("log", old.log != new.log),
    ];
    let changed: Vec<&str> = changed
        .iter()
        .filter(|(_, changed)| *changed)
        .map(|(key, _)| *key)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let origin = changed
        .iter()
        .find_map(|key| config.origin(key))
        .map(ToString::to_string);
    let message = format!(
        "{} can only be changed by a restart",
        crate::text::quoted(changed)
    );
    let error = Error::new(code::NEEDS_RESTART, message)
        .with_help("put the old values back, or restart the process");
    Err(match origin {
        Some(origin) => error.from_origin(origin),
        None => error,
    })
}
