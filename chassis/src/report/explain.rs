//! Why a plugin stands where it stands, or does not run.

use super::{Known, PointReport, point::is_by_path};
use crate::{
    error::Result,
    graph::{Edge, Order},
    instance::Status,
    reload::Reloader,
    status::PluginState,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// Why a plugin stands where it stands, or does not run: what `GET /explain/{name}` answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Explanation {
    /// The name of the instance.
    pub name: Arc<str>,
    /// Where it is in its life.
    pub state: PluginState,
    /// The short of it, in a sentence.
    pub summary: String,
    /// What the reader can do, if there is something to do.
    pub help: Option<String>,
    /// Its place in the order of all plugins, from 1.
    pub order: Option<usize>,
    /// How many plugins there are in that order.
    pub plugins: usize,
    /// Where it is declared.
    pub origin: Arc<str>,
    /// Those that come before it, each with the declaration that says so.
    pub waits_for: Vec<Tie>,
    /// Those that come after it.
    pub waited_for_by: Vec<Tie>,
    /// If it is blocked: those at the root of that, which it requires directly or not.
    pub causes: Vec<Cause>,
    /// What it has put where, at which position, and why there.
    pub positions: Vec<Standing>,
}

/// One "comes before" between the explained plugin and another.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Tie {
    /// The other one.
    pub plugin: Arc<str>,
    /// Where the other one is in its life.
    pub state: PluginState,
    /// `requires`, `after` or `before`.
    #[schemars(extend("enum" = ["requires", "after", "before"]))]
    pub kind: &'static str,
    /// Whose declaration it is.
    pub declared_by: Arc<str>,
    /// The declaration as it is written: `billing ^1.2`.
    pub text: Arc<str>,
    /// The same as a sentence: `` `orders` requires `billing ^1.2` ``.
    pub because: String,
}

/// A plugin that others can't run without, and that does not run itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Cause {
    /// The instance.
    pub plugin: Arc<str>,
    /// Where it is in its life.
    pub state: PluginState,
    /// Why.
    pub reason: Option<String>,
}

/// Where a contribution stands.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Standing {
    /// The extension point.
    pub point: Arc<str>,
    /// The method, closure or route.
    pub handler: Arc<str>,
    /// Where it is written.
    pub origin: Arc<str>,
    /// Its position, from 1; none for routes, which have no order.
    pub position: Option<usize>,
    /// How many stand there.
    pub of: usize,
    /// Lower comes first.
    pub priority: i32,
    /// Why it stands there.
    pub why: String,
}

impl Explanation {
    pub(crate) fn of(reloader: &Reloader, name: &str) -> Result<Self> {
        let known = Known::of(reloader);
        let index = known.find(name)?;
        let record = &known.records[index];
        let mut explanation = Self {
            name: Arc::clone(&record.name),
            state: record.state(),
            summary: String::new(),
            help: None,
            order: known.place(index),
            plugins: known.records.len(),
            origin: Arc::clone(&record.info.origin),
            waits_for: ties(&known, |edge| (edge.to == index).then_some(edge.from)),
            waited_for_by: ties(&known, |edge| (edge.from == index).then_some(edge.to)),
            causes: Vec::new(),
            positions: positions(&known, &record.name),
        };
        if explanation.state == PluginState::Blocked {
            explanation.causes = causes(&known, index);
        }
        (explanation.summary, explanation.help) = explanation.sum_up(record.status());
        Ok(explanation)
    }

    fn sum_up(&self, status: Status) -> (String, Option<String>) {
        let reason = status.reason.unwrap_or_default();
        let stands = match self.order {
            Some(order) => format!("number {order} of {} in the order of plugins", self.plugins),
            None => format!(
                "one of {} plugins, which can't be put in order",
                self.plugins
            ),
        };
        match self.state {
            PluginState::Registered => (format!("{}; {stands}", self.still_waits_for()), None),
            PluginState::Initializing => (format!("its `init` is running; {stands}"), None),
            PluginState::Initialized => (
                format!("it is built, and `start` comes when all are; {stands}"),
                None,
            ),
            PluginState::Starting => (format!("its `start` is running; {stands}"), None),
            PluginState::Running => (format!("it runs, as {stands}"), None),
            PluginState::Degraded => (format!("it runs, but not well: {reason}"), None),
            PluginState::Suspended => (format!("it is taken out of work: {reason}"), None),
            PluginState::Failed => (
                format!("it failed: {reason}"),
                Some(format!(
                    "`last_error` at `GET /plugins/{}` says more; mend it and reload",
                    self.name
                )),
            ),
            PluginState::Disabled => (
                format!("it is disabled: {reason}"),
                Some(format!(
                    "set `plugins.{}.enabled: true` and reload",
                    self.name
                )),
            ),
            PluginState::Blocked => {
                let roots: Vec<String> = self.causes.iter().map(Cause::describe).collect();
                let help =
                    (!roots.is_empty()).then(|| format!("at the root of it: {}", roots.join("; ")));
                (format!("it is blocked: it {reason}"), help)
            }
            PluginState::Stopping => ("its `stop` is running".to_owned(), None),
            PluginState::Stopped => ("it has stopped".to_owned(), None),
        }
    }

    /// For one that nothing was done with yet: whom it waits for.
    fn still_waits_for(&self) -> String {
        use PluginState::{Initializing, Registered};
        let open = self
            .waits_for
            .iter()
            .filter(|tie| matches!(tie.state, Registered | Initializing));
        let open: BTreeSet<String> = open
            .map(|tie| format!("`{}` ({})", tie.plugin, tie.state))
            .collect();
        if open.is_empty() {
            return "its turn has not come yet".to_owned();
        }
        let open: Vec<String> = open.into_iter().collect();
        format!("it waits for {}", open.join(", "))
    }
}

impl Cause {
    fn describe(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("no reason is known");
        format!("`{}` is {}: {reason}", self.plugin, self.state)
    }
}

fn ties(known: &Known, other: impl Fn(&Edge) -> Option<usize>) -> Vec<Tie> {
    let edges = known.order.iter().flat_map(|order| &order.edges);
    let tie = |edge: &Edge| {
        let other = &known.records[other(edge)?];
        Some(Tie {
            plugin: Arc::clone(&other.name),
            state: other.state(),
            kind: edge.kind.word(),
            declared_by: Arc::clone(&known.nodes[edge.declared_by].name),
            text: Arc::clone(&edge.text),
            because: edge.describe(&known.nodes),
        })
    };
    edges.filter_map(tie).collect()
}

/// Those at the root: not running themselves, and not because of another.
fn causes(known: &Known, index: usize) -> Vec<Cause> {
    let required = known
        .order
        .iter()
        .flat_map(|order: &Order| order.transitive(index));
    let records = required.map(|other| &known.records[other]);
    let is_root = |state: PluginState| matches!(state, PluginState::Failed | PluginState::Disabled);
    let roots = records.filter(|record| is_root(record.state()));
    let cause = |status: Status, plugin| Cause {
        plugin,
        state: status.state,
        reason: status.reason,
    };
    roots
        .map(|record| cause(record.status(), Arc::clone(&record.name)))
        .collect()
}

fn positions(known: &Known, plugin: &str) -> Vec<Standing> {
    let Some(generation) = known.generation() else {
        return Vec::new();
    };
    let at_point = |point: PointReport| {
        let is_ordered = !is_by_path(&point.info.name);
        let (name, of) = (point.info.name, point.handler_count);
        let mine = point
            .handlers
            .into_iter()
            .zip(1..)
            .filter(|(handler, _)| *handler.plugin == *plugin);
        let standing = move |(handler, position): (super::HandlerReport, usize)| Standing {
            point: Arc::clone(&name),
            handler: handler.handler,
            origin: handler.origin,
            position: is_ordered.then_some(position),
            of,
            priority: handler.priority,
            why: handler.why,
        };
        mine.map(standing).collect::<Vec<_>>()
    };
    PointReport::all_of(generation)
        .into_iter()
        .flat_map(at_point)
        .collect()
}
