//! Builds, starts and stops the instances of a generation: in order, at once where the order allows it, each step
//! with its deadline.
//!
//! All of it runs on the supervisor, the work itself on the workers: a plugin that blocks a worker can't stop the clock
//! that it is measured by.

use crate::{
    call::{BoxFuture, Spot, carry, panic_text},
    config::{Config, Settings},
    context::Previous,
    error::{Error, Result, code},
    event::Bus,
    generation::{self, Current, Exporters, Generation, Lease, Parts, exporters},
    graph::{Node, Order},
    http::Mount,
    info::Stage,
    instance::{Instance, Record, Terms},
    lines::LogLines,
    metrics::Metrics,
    points::{self, TELEMETRY_LAYERS, TELEMETRY_LINES},
    registry::{Registry, Spec},
    scope::Scope,
    services::Desk,
    status::PluginState,
    telemetry::Levels,
};
use futures_util::FutureExt as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

mod lineup;
mod carry;
mod verdict;
mod checks;
mod init;
mod exclusive;
mod past;
mod hand_over;
mod sources;
mod layers;
mod lines;
mod fixed;
mod start;
mod ready;
mod stop;
mod moments;
mod waves;

pub(crate) use carry::{Anew, Renewed, changes};
pub use carry::{PlannedChange, ReloadAction};
use exclusive::Way;
pub(crate) use lines::Lines;
pub(crate) use lineup::Lineup;
#[cfg(feature = "testing")]
pub(crate) use lineup::order;
pub(crate) use moments::{Moments, aside, tell};
pub(crate) use past::Past;
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
    /// The log, if it is the service's own.
    pub(crate) log: Option<&'a Levels>,
    pub(crate) desk: Weak<Desk>,
    /// The generation before: what did not change there goes on. Whoever is down in it may stay so; anybody else who fails
    /// fails the reload. None at start, where all may fail that are not required.
    pub(crate) before: Option<Arc<Past>>,
    /// Whether those come back that were stopped first, for a generation that did not come to be: whatever fails now, what is
    /// built is to serve.
    pub(crate) comes_back: bool,
    /// Stops instances of the generation before, and says which number the next one has then.
    pub(crate) make_way: &'a MakeWay<'a>,
    /// What is to be built anew although nothing of it has changed.
    pub(crate) anew: Anew,
    /// What can't be changed without a restart, as it is.
    pub(crate) fixed: &'a Settings,
    /// What the sources gave for the generation before.
    pub(crate) last_given: Given,
    /// What they gave once, in place of asking them.
    pub(crate) kept: Option<Given>,
    /// Told of what they give now, as soon as they have.
    pub(crate) asked: &'a (dyn Fn(&Given) + Sync),
    /// Told of the whole configuration, and of what the sources gave for it, before anything is built that is not of the first
    /// stage. An error ends it there.
    pub(crate) settled: &'a (dyn Fn(&Config, &Given) -> Result<()> + Sync),
    /// Whether what is built is not to be started.
    pub(crate) build_only: bool,
    /// Cancelled when nobody wants the generation any more.
    pub(crate) stop: CancellationToken,
    /// To be cancelled when the generation serves.
    pub(crate) serves: CancellationToken,
    /// Told of all records before the first is touched: a slow start can be watched.
    pub(crate) watch: &'a (dyn Fn(&[Arc<Record>]) + Sync),
}

/// Stops these instances of the generation that serves, which goes on without them. Each has a reason.
pub(crate) type MakeWay<'a> =
    dyn Fn(BTreeMap<Arc<str>, String>) -> BoxFuture<'a, Result<u64>> + Send + Sync + 'a;

/// A generation that is built and started, and not published.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) generation: Arc<Generation>,
    pub(crate) until_gone: CancellationToken,
    /// What the sources of configuration gave.
    pub(crate) given: Given,
    /// What those who subscribe are told once it serves.
    pub(crate) moments: Moments,
    /// What became of each instance, and of those that are not there any more.
    pub(crate) changes: Vec<PlannedChange>,
    /// On which terms those live from now on that go on as they are.
    pub(crate) renewed: Vec<Renewed>,
    /// Who writes the lines of the log once it serves.
    pub(crate) lines: Lines,
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
    /// What becomes of each instance; by nodes, and behind them those that are not there any more. Empty at start.
    changes: Vec<PlannedChange>,
    renewed: Vec<Renewed>,
    /// What the plugin has brought that writes the lines of the log.
    lines: Option<(Arc<str>, LogLines)>,
    /// What each holds and can't be there twice.
    holds: Vec<BTreeSet<String>>,
    /// Who has to stop first, and who is built then.
    way: Way,
    /// What those have left who are stopped first.
    left: BTreeMap<usize, Previous>,
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
    let lines = making.chosen_lines();
    let Making {
        moments,
        changes,
        renewed,
        ..
    } = making;
    made.map(|built| Built {
        moments,
        changes,
        renewed,
        lines,
        ..built
    })
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
            changes: Vec::new(),
            renewed: Vec::new(),
            lines: None,
            holds: Vec::new(),
            way: Way::default(),
            left: BTreeMap::new(),
        };
        making.adopt(Arc::clone(&making.plan.config))?;
        Ok(making)
    }

    /// Takes a configuration: its instances, in order. Those that are built stay, and those of the generation before that
    /// go on as they are.
    fn adopt(&mut self, config: Arc<Config>) -> Result<()> {
        fixed::check(self.plan.fixed, &config)?;
        let lineup = Lineup::of(self.plan.registry, &config)?;
        let before = self.plan.before.clone();
        let planned = before.as_ref();
        let planned = planned.map(|past| past.plan(&lineup, &self.plan.anew));
        let (changes, way) = planned.transpose()?.unwrap_or_default();
        let Lineup {
            specs,
            nodes,
            order,
            holds,
        } = lineup;
        (self.holds, self.way) = (holds, way);
        // Of the first stage: nobody could change these meanwhile.
        let mut early = BTreeMap::new();
        for (index, record) in self.records.iter().enumerate() {
            if self.specs[index].is_early() && !self.is_carried(index) {
                let instance = self.built.remove(&index);
                early.insert(Arc::clone(&record.name), (Arc::clone(record), instance));
            }
        }
        self.plan.config = config;
        (self.built, self.seen, self.records) = Default::default();
        for (index, spec) in specs.iter().enumerate() {
            let carried = changes
                .get(index)
                .filter(|change| change.action == ReloadAction::Carried)
                .and_then(|_| before.as_ref()?.instance(&spec.name));
            let (record, instance) = match (carried, early.remove(&spec.name)) {
                (Some(carried), _) => (Arc::clone(&carried.record), Some(Arc::clone(carried))),
                (None, Some(early)) => early,
                (None, None) => (Arc::new(self.record(spec, index)), None),
            };
            self.records.push(record);
            self.built
                .extend(instance.map(|instance| (index, instance)));
        }
        (self.specs, self.nodes, self.order, self.changes) = (specs, nodes, order, changes);
        for index in self.order.sequence.clone() {
            self.see(index);
        }
        (self.plan.watch)(&self.records);
        Ok(())
    }

    /// Whether an instance goes on as it is.
    fn is_carried(&self, index: usize) -> bool {
        let change = self.changes.get(index);
        change.is_some_and(|change| change.action == ReloadAction::Carried)
    }

    /// Remembers what those see that require an instance, if it is built.
    fn see(&mut self, index: usize) {
        if let Some(instance) = self.built.get(&index) {
            let required = self.order.requires[index].iter();
            let required = required.filter_map(|other| self.seen.get(other));
            let seen = exporters(Some(instance), required);
            self.seen.insert(index, seen);
        }
    }

    /// On which terms an instance lives.
    fn terms(&self, spec: &Spec) -> Terms {
        let lifecycle = &self.plan.config.settings().lifecycle;
        let own = &spec.section.deadlines;
        Terms {
            required: spec.is_required(),
            is_optional: spec.section.required == Some(false),
            tags: spec.section.tags.clone(),
            init: own.init.unwrap_or(lifecycle.init_deadline),
            start: own.start.unwrap_or(lifecycle.start_deadline),
            stop: own.stop.unwrap_or(lifecycle.stop_deadline),
        }
    }

    /// The record of an instance that is new.
    fn record(&self, spec: &Spec, index: usize) -> Record {
        let mut record = Record::new(
            Arc::clone(&spec.name),
            Arc::clone(&spec.registration.info),
            self.terms(spec),
            self.plan.workers.clone(),
            Arc::clone(&self.plan.metrics),
        );
        record.holds = self.holds.get(index).cloned().unwrap_or_default();
        if !spec.is_enabled() {
            let why = format!("`enabled: false` at {}", spec.section.enabled_at());
            record.become_because(PluginState::Disabled, why);
        }
        record
    }

    async fn make(&mut self) -> Result<Built> {
        let has_early = self.specs.iter().any(Spec::is_early);
        let early = self.admit_stage(Stage::Bootstrap, None).await?;
        self.init(early).await?;
        // Without one that is required nothing starts; what its configuration would have told, is no mistake of anybody.
        self.check_required(Spec::is_early)?;
        let early = if self.built.is_empty() {
            None
        } else {
            Some(self.assemble()?.generation)
        };
        let early = early.map(|generation| Scope::new(Arc::new(Lease(generation))));
        if let Some(early) = &early {
            self.ask_lines(early).await;
        }
        if let Some(early) = early.as_ref().filter(|_| !self.plan.comes_back) {
            self.ask_layers(early).await;
        }
        // Who comes back comes with the configuration that served.
        if has_early && !self.plan.comes_back {
            self.ask_sources(early.as_ref()).await?;
        }
        (self.plan.settled)(&self.plan.config, &self.given)?;
        let mut admitted = self.admit_stage(Stage::Service, early).await?;
        let late = self.way.late.clone();
        admitted.retain(|index| !late.contains(index));
        self.init(admitted).await?;
        if !late.is_empty() {
            // As late as can be, and only if nothing is wrong so far.
            let names: BTreeSet<_> = late.iter().map(|&index| &self.specs[index].name).collect();
            self.check_required(|spec| !names.contains(&spec.name))?;
            self.make_way().await?;
            self.init(late).await?;
        }
        // From here on `built` alone keeps instances alive.
        self.seen.clear();
        self.check_required(|_| true)?;

        let built = self.assemble()?;
        if self.plan.build_only {
            return Ok(built);
        }
        let scope = scope(&built.generation);
        self.warn_of_late(&TELEMETRY_LAYERS, &scope);
        self.warn_of_late(&TELEMETRY_LINES, &scope);
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
        self.check_ready().await?;
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
            workers: self.plan.workers.clone(),
            metrics: &self.plan.metrics,
            serves: self.plan.serves.clone(),
            closing: self.plan.stop.clone(),
            away: Vec::new(),
        })?;
        Ok(Built {
            generation,
            until_gone,
            given: self.given.clone(),
            moments: Moments::default(),
            changes: Vec::new(),
            renewed: Vec::new(),
            lines: Lines::AsBefore,
        })
    }

    /// Stops what was started and drops what was built, in reverse.
    async fn roll_back(&mut self) {
        self.seen.clear();
        if !self.left.is_empty() {
            // What nobody has taken is the plugins' own, and ends where they do.
            let left = std::mem::take(&mut self.left);
            _ = self.plan.workers.spawn(async move { drop(left) }).await;
        }
        for &index in self.order.sequence.iter().rev() {
            let Some(instance) = self.built.remove(&index) else {
                continue;
            };
            if self.is_carried(index) {
                continue;
            }
            stop::stop_one(&instance, &self.plan.workers).await;
        }
    }
}

/// Runs something on the workers, and waits for it here. Given up here, it is dropped there. `spot` says whose code it is.
async fn on_workers<R: Send + 'static>(
    workers: &tokio::runtime::Handle,
    spot: Spot,
    work: impl Future<Output = Result<R>> + Send + 'static,
) -> Result<R> {
    let mut tasks = JoinSet::new();
    // What it logs belongs to the call that waits here.
    let work = carry(spot, work).instrument(Span::current());
    tasks.spawn_on(work, workers);
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
