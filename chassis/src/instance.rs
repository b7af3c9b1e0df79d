//! Instances: plugins that are built, and the runtime's record of each.

use crate::{
    call::{BoxFuture, Site, Ward},
    contributions::Contributions,
    error::{Error, Result},
    health::Check,
    info::PluginInfo,
    metrics::{Metrics, Owner},
    status::PluginState,
    text::unix_millis,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    any::{Any, TypeId},
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

mod checks;
mod tasks;

pub(crate) use checks::{not_alive, not_ready, told};
pub(crate) use tasks::{Jitter, Tasks};

/// A plugin that is built.
pub(crate) struct Instance {
    pub(crate) record: Arc<Record>,
    pub(crate) life: Box<dyn Life>,
    pub(crate) contributions: Contributions,
    pub(crate) exports: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Instance {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.record.name
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

/// What a built plugin can be asked to do.
pub(crate) trait Life: Send + Sync {
    fn start(&self) -> BoxFuture<'_, Result<()>>;
    fn stop(&self) -> BoxFuture<'_, Result<()>>;
}

/// What the runtime knows of an instance, built or not: its state, how long things took, its tasks.
#[derive(Debug)]
pub(crate) struct Record {
    /// The name of the instance.
    pub(crate) name: Arc<str>,
    /// The plugin that it is an instance of.
    pub(crate) info: Arc<PluginInfo>,
    /// What it holds and can't be there twice.
    pub(crate) holds: BTreeSet<String>,
    /// They may change while it lives.
    terms: Mutex<Arc<Terms>>,
    /// Whether it is one of those who decide what callers may do.
    is_guard: AtomicBool,
    pub(crate) tasks: Tasks,
    /// Its health checks, with all that they have said; none until it is built.
    checks: OnceLock<Vec<Arc<Check>>>,
    pub(crate) owner: Arc<Owner>,
    /// Set once it has stopped: its handlers are not told anything any more.
    pub(crate) gone: Arc<AtomicBool>,
    /// Whether it blocks a thread.
    pub(crate) ward: Arc<Ward>,
    status: Mutex<Status>,
}

/// Where an instance is in its life, and how it got there.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) state: PluginState,
    #[serde(serialize_with = "unix_millis")]
    pub(crate) since: SystemTime,
    /// How long `init` took, in milliseconds.
    pub(crate) init_ms: Option<f64>,
    /// How long `start` took, in milliseconds.
    pub(crate) start_ms: Option<f64>,
    /// Why it is in this state, if there is something to say.
    pub(crate) reason: Option<String>,
    pub(crate) last_error: Option<LastError>,
}

/// The last thing that went wrong in an instance.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct LastError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Where in its life it was.
    pub(crate) phase: Option<String>,
    #[serde(serialize_with = "unix_millis")]
    #[schemars(with = "u64")]
    pub(crate) at: SystemTime,
}

/// What the configuration says of an instance: on which terms it lives.
#[derive(Debug)]
pub(crate) struct Terms {
    pub(crate) required: bool,
    /// It is said in so many words that it is not required.
    pub(crate) is_optional: bool,
    /// Words to find it by, beside those of its plugin.
    pub(crate) tags: Vec<String>,
    /// How long each step of its life may take.
    pub(crate) init: Duration,
    pub(crate) start: Duration,
    pub(crate) stop: Duration,
}

impl Record {
    pub(crate) fn new(
        name: Arc<str>,
        info: Arc<PluginInfo>,
        terms: Terms,
        workers: tokio::runtime::Handle,
        metrics: Arc<Metrics>,
    ) -> Self {
        let ward = Ward::new(&metrics.stalls, Arc::clone(&name));
        Self {
            tasks: Tasks::new(Arc::clone(&ward), workers),
            checks: OnceLock::new(),
            owner: Owner::new(Arc::clone(&name), metrics),
            gone: Arc::default(),
            ward,
            status: Mutex::new(Status {
                state: PluginState::Registered,
                since: SystemTime::now(),
                init_ms: None,
                start_ms: None,
                reason: None,
                last_error: None,
            }),
            name,
            info,
            terms: Mutex::new(Arc::new(terms)),
            is_guard: AtomicBool::new(false),
            holds: BTreeSet::new(),
        }
    }

    /// On which terms it lives, as the configuration of the generation says that serves.
    pub(crate) fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.terms.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_terms(&self, terms: Terms) {
        *self.terms.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(terms);
    }

    /// Where a step of its life is guarded.
    pub(crate) fn step(&self, phase: Phase) -> Site {
        let terms = self.terms();
        let (place, deadline) = match phase {
            Phase::Init => ("init", terms.init),
            Phase::Start => ("start", terms.start),
            Phase::Stop => ("stop", terms.stop),
            // It is part of what the next one needs to be built.
            Phase::HandOver => ("hand_over", terms.init),
        };
        Site::new(Arc::clone(&self.name), place, Some(deadline))
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the service can't run without it. A guard is required unless its section says otherwise.
    pub(crate) fn is_required(&self) -> bool {
        self.is_required_on(&self.terms())
    }

    /// The same on terms that may not hold yet.
    pub(crate) fn is_required_on(&self, terms: &Terms) -> bool {
        terms.required || self.is_guard.load(Relaxed) && !terms.is_optional
    }

    /// It is known now that it decides what callers may do.
    pub(crate) fn become_guard(&self) {
        self.is_guard.store(true, Relaxed);
    }

    pub(crate) fn status(&self) -> Status {
        self.lock().clone()
    }

    pub(crate) fn state(&self) -> PluginState {
        self.lock().state
    }

    /// Goes on to the next state. A state that may not follow is a mistake of the chassis itself; it is logged, and
    /// the record stays true to what happens.
    pub(crate) fn become_state(&self, next: PluginState) {
        let mut status = self.lock();
        if !status.state.may_become(next) {
            tracing::error!(plugin = %self.name, from = %status.state, to = %next, "impossible change of state");
        }
        tracing::debug!(plugin = %self.name, from = %status.state, to = %next, "state changed");
        status.state = next;
        status.since = SystemTime::now();
        status.reason = None;
        match next {
            PluginState::Initializing => self.owner.begin(),
            PluginState::Blocked => self.owner.end(),
            PluginState::Stopped | PluginState::Failed => {
                self.gone.store(true, Relaxed);
                self.owner.end();
            }
            _ => {}
        }
    }

    /// Goes on to a state for a reason.
    pub(crate) fn become_because(&self, next: PluginState, reason: impl Into<String>) {
        self.become_state(next);
        self.lock().reason = Some(reason.into());
    }

    /// Remembers an error, and goes on to `failed`.
    pub(crate) fn fail(&self, error: &Error) {
        self.become_because(PluginState::Failed, error.line_of(&self.name));
        self.remember(error);
    }

    pub(crate) fn remember(&self, error: &Error) {
        self.lock().last_error = Some(LastError {
            code: error.code().name(),
            message: error.report(),
            phase: error.place().map(ToOwned::to_owned),
            at: SystemTime::now(),
        });
    }

    pub(crate) fn took(&self, phase: Phase, duration: Duration) {
        let millis = (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0;
        let mut status = self.lock();
        match phase {
            Phase::Init => status.init_ms = Some(millis),
            Phase::Start => status.start_ms = Some(millis),
            Phase::Stop | Phase::HandOver => {}
        }
    }
}

/// A step in an instance's life.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    Init,
    Start,
    Stop,
    HandOver,
}
