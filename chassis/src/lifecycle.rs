//! Builds, starts and stops the instances of a generation: in order, at once where the order allows it, each step
//! with its deadline.
//!
//! All of it runs on the supervisor, the work itself on the workers: a plugin that blocks a worker can't stop the clock
//! that it is measured by.

use crate::{
    call::{carry, panic_text},
    config::{Config, Settings},
    error::{Error, Result, code},
    event::Bus,
    generation::{self, Current, Exporters, Generation, Lease, Parts},
    graph::{Node, Order},
    http::Mount,
    info::Stage,
    instance::{Instance, Record, Terms},
    metrics::Metrics,
    points,
    registry::{Registry, Spec},
    scope::Scope,
    services::Desk,
    status::PluginState,
};
use futures_util::FutureExt as _;
use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};
use tokio::{sync::oneshot, task::JoinSet};
use tokio_util::sync::CancellationToken;

mod lineup;
mod checks;
mod init;
mod sources;
mod fixed;
mod start;
mod stop;
mod moments;
mod waves;

pub(crate) use lineup::Lineup;
#[cfg(feature = "testing")]
pub(crate) use lineup::order;
pub(crate) use moments::{Moments, aside, tell};
pub(crate) use sources::Given;
pub(crate) use stop::{Remains, stop};

/// What a generation is built for and from.
pub(crate) struct Plan<'a> {
    pub(crate) number: u64,
    pub(crate) config: Arc<Config>,
    pub(crate) registry: &'a Registry,
    pub(crate) routers: Vec<Mount>,
    pub(crate) workers: tokio::runtime::Handle,
    pub(crate) current: Weak<Current>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) desk: Weak<Desk>,
    /// The instances of the generation before, by whether they ran. Whoever is down may stay so; anybody else who fails
    /// fails the reload. None at start, where all may fail that are not required.
    pub(crate) before: Option<&'a BTreeMap<Arc<str>, bool>>,
    /// What can't be changed without a restart, as it is.
    pub(crate) fixed: &'a Settings,
    /// What the sources gave for the generation before.
    pub(crate) last_given: Given,
    /// Told of what they give now, as soon as they have.
    pub(crate) asked: &'a (dyn Fn(&Given) + Sync),
    /// Whether what is built is not to be started.
    pub(crate) build_only: bool,
    /// Cancelled when nobody wants the generation any more.
    pub(crate) stop: CancellationToken,
    /// To be cancelled when the generation serves.
    pub(crate) serves: CancellationToken,
    /// Told of all records before the first is touched: a slow start can be watched.
    pub(crate) watch: &'a (dyn Fn(&[Arc<Record>]) + Sync),
}

/// A generation that is built and started, and not published.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) generation: Arc<Generation>,
    pub(crate) until_gone: oneshot::Receiver<()>,
    /// What the sources of configuration gave.
    pub(crate) given: Given,
    /// What those who subscribe are told once it serves.
    pub(crate) moments: Moments,
}

/// A generation in the making.
struct Making<'a> {
    plan: Plan<'a>,
    specs: Vec<Spec>,
    nodes: Vec<Node>,
    order: Order,
    records: Vec<Arc<Record>>,
    built: BTreeMap<usize, Arc<Instance>>,
    /// What those see that require one of them.
    seen: BTreeMap<usize, Exporters>,
    given: Given,
    moments: Moments,
}

/// Builds and starts a generation. If that fails, everything that was built or started is undone.
pub(crate) async fn build(plan: Plan<'_>) -> Result<Built> {
    let mut making = Making::new(plan)?;
    let stop = making.plan.stop.clone();
    let made = {
        // Whatever happens in there, what was begun is rolled back.
        let make = AssertUnwindSafe(making.make()).catch_unwind();
        tokio::select! {
            made = make => made.unwrap_or_else(|panic| {
                let text = panic_text(&*panic);
                Err(Error::new(code::PANIC, format!("putting the generation together panicked: {text}")))
            }),
            () = stop.cancelled() => {
                Err(Error::new(code::CLOSED, "the service was asked to stop before it was up"))
            }
        }
    };
    if made.is_err() {
        making.roll_back().await;
    }
    let moments = std::mem::take(&mut making.moments);
    made.map(|built| Built { moments, ..built })
}

impl<'a> Making<'a> {
    fn new(plan: Plan<'a>) -> Result<Self> {
        let mut making = Self {
            plan,
            specs: Vec::new(),
            nodes: Vec::new(),
            order: Order::default(),
            records: Vec::new(),
            built: BTreeMap::new(),
            seen: BTreeMap::new(),
            given: Given::default(),
            moments: Moments::default(),
        };
        making.adopt(Arc::clone(&making.plan.config))?;
        Ok(making)
    }

    /// Takes a configuration: its instances, in order. Those that are built stay.
    fn adopt(&mut self, config: Arc<Config>) -> Result<()> {
        fixed::check(self.plan.fixed, &config)?;
        let Lineup {
            specs,
            nodes,
            order,
        } = Lineup::of(self.plan.registry, &config)?;
        let lifecycle = &config.settings().lifecycle;
        let before: BTreeMap<Arc<str>, usize> = self
            .records
            .iter()
            .enumerate()
            .filter(|(index, _)| self.specs[*index].is_early())
            .map(|(index, record)| (Arc::clone(&record.name), index))
            .collect();
        let record = |spec: &Spec| {
            if let Some(&index) = before.get(&spec.name) {
                return Arc::clone(&self.records[index]);
            }
            let (name, info) = (Arc::clone(&spec.name), Arc::clone(&spec.registration.info));
            let own = &spec.section.deadlines;
            let terms = Terms {
                required: spec.is_required(),
                is_optional: spec.section.required == Some(false),
                tags: spec.section.tags.clone(),
                init: own.init.unwrap_or(lifecycle.init_deadline),
                start: own.start.unwrap_or(lifecycle.start_deadline),
                stop: own.stop.unwrap_or(lifecycle.stop_deadline),
            };
            let record = Record::new(
                name,
                info,
                terms,
                self.plan.workers.clone(),
                Arc::clone(&self.plan.metrics),
            );
            if !spec.is_enabled() {
                let why = format!("`enabled: false` at {}", spec.section.enabled_at());
                record.become_because(PluginState::Disabled, why);
            }
            Arc::new(record)
        };
        let records: Vec<Arc<Record>> = specs.iter().map(record).collect();
        let moved = |old: usize| {
            let name = &self.records[old].name;
            specs.iter().position(|spec| spec.name == *name)
        };
        self.built = std::mem::take(&mut self.built)
            .into_iter()
            .filter_map(|(old, instance)| Some((moved(old)?, instance)))
            .collect();
        self.seen = std::mem::take(&mut self.seen)
            .into_iter()
            .filter_map(|(old, seen)| Some((moved(old)?, seen)))
            .collect();
        (self.plan.watch)(&records);
        self.plan.config = config;
        (self.specs, self.nodes, self.order, self.records) = (specs, nodes, order, records);
        Ok(())
    }

    async fn make(&mut self) -> Result<Built> {
        let has_early = self.specs.iter().any(Spec::is_early);
        self.init_stage(Stage::Bootstrap, None).await?;
        // Without one that is required nothing starts; what its configuration would have told, is no mistake of anybody.
        self.check_required(Spec::is_early)?;
        let early = if self.built.is_empty() {
            None
        } else {
            Some(self.assemble()?.generation)
        };
        let early = early.map(|generation| Scope::new(Arc::new(Lease(generation))));
        if has_early {
            self.ask_sources(early.as_ref()).await?;
        }
        self.init_stage(Stage::Service, early).await?;
        // From here on `built` alone keeps instances alive.
        self.seen.clear();
        self.check_required(|_| true)?;

        let built = self.assemble()?;
        if self.plan.build_only {
            return Ok(built);
        }
        let scope = scope(&built.generation);
        self.find_checks(&scope)?;
        for record in &self.records {
            match record.state() {
                PluginState::Initialized => self.tell(&points::PLUGIN_LOADED, &scope, record).await,
                PluginState::Failed => self.tell(&points::PLUGIN_FAILED, &scope, record).await,
                _ => {}
            }
        }
        let all = self.built.len();
        self.start(&scope).await;
        self.check_required(|_| true)?;
        if self.built.len() == all {
            return Ok(built);
        }
        // What failed to start is in the generation still: build it again, without.
        drop((scope, built));
        self.assemble()
    }

    /// Why an instance can't go on: something that it requires is not in such a state.
    fn blocked(&self, index: usize, is_well: fn(PluginState) -> bool) -> Option<String> {
        let missing = self.order.requires[index]
            .iter()
            .map(|&other| &self.records[other]);
        let missing: Vec<_> = missing.filter(|record| !is_well(record.state())).collect();
        let name =
            |record: &&Arc<Record>| format!("`{}`, which is {}", record.name, record.state());
        (!missing.is_empty()).then(|| {
            format!(
                "requires {}",
                missing.iter().map(name).collect::<Vec<_>>().join(", ")
            )
        })
    }

    fn assemble(&self) -> Result<Built> {
        let in_order = self
            .order
            .sequence
            .iter()
            .filter_map(|index| self.built.get(index));
        let (generation, until_gone) = generation::assemble(Parts {
            number: self.plan.number,
            config: Arc::clone(&self.plan.config),
            linked: &self.plan.registry.points,
            nodes: self.nodes.clone(),
            order: self.order.clone(),
            records: self.records.clone(),
            instances: in_order.cloned().collect(),
            routers: self.plan.routers.clone(),
            bus: Arc::clone(&self.plan.bus),
            metrics: &self.plan.metrics,
            serves: self.plan.serves.clone(),
            closing: self.plan.stop.clone(),
        })?;
        Ok(Built {
            generation,
            until_gone,
            given: self.given.clone(),
            moments: Moments::default(),
        })
    }

    /// Whether every instance of these is up that the service can't do without.
    fn check_required(&self, of: impl Fn(&Spec) -> bool) -> Result<()> {
        let records = || {
            let all = self.specs.iter().zip(&self.records);
            all.filter(|(spec, _)| of(spec)).map(|(_, record)| record)
        };
        let down = |record: &&Arc<Record>| {
            let state = record.state();
            record.is_required() && state != PluginState::Initialized && !state.is_alive()
        };
        let error = |record: &Arc<Record>| {
            let status = record.status();
            let reason = status.reason.unwrap_or_default();
            let message = format!(
                "`{}` is required, but it is {}: {reason}",
                record.name, status.state
            );
            Error::new(code::REQUIRED, message)
                .with_help("mend it, or set `required: false` in its section to run without it")
        };
        let newly = |record: &&Arc<Record>| {
            let ran = |before: &BTreeMap<Arc<str>, bool>| before.get(&record.name).copied();
            let may_fail = self
                .plan
                .before
                .is_none_or(|before| ran(before) == Some(false));
            !may_fail && !record.is_required() && record.state() == PluginState::Failed
        };
        let newly_error = |record: &Arc<Record>| {
            let reason = record.status().reason.unwrap_or_default();
            let name = &record.name;
            let is_new = self
                .plan
                .before
                .is_some_and(|before| !before.contains_key(name));
            let message = if is_new {
                format!("`{name}` is new, and does not run: {reason}")
            } else {
                format!("`{name}` runs now, and would not any more: {reason}")
            };
            Error::new(code::RELOAD_FAILED, message)
                .with_help("mend it, or set `enabled: false` in its section")
        };
        let required = records().filter(down).map(error);
        let newly = records().filter(newly).map(newly_error);
        Error::all(required.chain(newly)).map_or(Ok(()), Err)
    }

    /// Stops what was started and drops what was built, in reverse.
    async fn roll_back(&mut self) {
        self.seen.clear();
        for &index in self.order.sequence.iter().rev() {
            let Some(instance) = self.built.remove(&index) else {
                continue;
            };
            stop::stop_one(&instance, &self.plan.workers).await;
        }
    }
}

/// Runs something on the workers, and waits for it here. Given up here, it is dropped there.
async fn on_workers<R: Send + 'static>(
    workers: &tokio::runtime::Handle,
    work: impl Future<Output = Result<R>> + Send + 'static,
) -> Result<R> {
    let mut tasks = JoinSet::new();
    tasks.spawn_on(carry(work), workers);
    match tasks.join_next().await {
        Some(Ok(outcome)) => outcome,
        // The guard around this is where panics are told of.
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        _ => Err(Error::new(code::CLOSED, "the runtime is shutting down")),
    }
}

/// Logs that a step of an instance failed.
fn log_failure(what: &'static str, plugin: &str, error: &Error) {
    let told = error.line_of(plugin);
    if error.code() == code::PANIC {
        // The guard has told of it.
        tracing::debug!(plugin, error = %told, "{what}");
    } else {
        tracing::error!(plugin, error = %told, "{what}");
    }
}

fn scope(generation: &Arc<Generation>) -> Scope {
    Scope::new(Arc::new(Lease(Arc::clone(generation))))
}
