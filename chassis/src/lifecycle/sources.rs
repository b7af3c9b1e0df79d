//! Asks the plugins that give configuration, and goes on with what they gave.

use super::{Making, on_workers};
use crate::{
    call::Spot,
    config::{Config, ConfigLayer, PluginSection},
    error::{Error, Result, code},
    points::{self, ConfigQuestion},
    registry::Asked,
    scope::Scope,
};
use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

/// A plugin must not wait for itself for ever. Each handler has a deadline of its own: whoever takes longer than this
/// blocks its thread.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the sources gave, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(Vec<Layer>);

/// What one source gave, and what it was configured with when it did.
#[derive(Clone, Debug)]
struct Layer {
    plugin: Arc<str>,
    section: PluginSection,
    layer: ConfigLayer,
}

impl Given {
    /// The paths that they want watched.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().flat_map(|given| given.layer.watched())
    }

    /// What they gave.
    pub(crate) fn layers(&self) -> Vec<ConfigLayer> {
        self.0.iter().map(|given| given.layer.clone()).collect()
    }

    /// Whether the same plugins gave the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let of = |given: &Self| -> Vec<_> {
            let layers = given.0.iter();
            layers
                .map(|given| (Arc::clone(&given.plugin), given.layer.clone()))
                .collect()
        };
        of(self) == of(other)
    }

    fn of(&self, plugin: &str) -> impl Iterator<Item = &Layer> {
        self.0.iter().filter(move |given| *given.plugin == *plugin)
    }

    /// Puts back what a plugin gave last time, behind those that came before it then.
    fn restore(&mut self, last: &Self, plugin: &Arc<str>) {
        self.0.retain(|given| given.plugin != *plugin);
        let before: Vec<&Arc<str>> = last
            .0
            .iter()
            .map(|given| &given.plugin)
            .take_while(|name| *name != plugin)
            .collect();
        let place = self
            .0
            .iter()
            .rposition(|given| before.contains(&&given.plugin));
        let place = place.map_or(0, |place| place + 1);
        let layers: Vec<Layer> = last.of(plugin).cloned().collect();
        self.0.splice(place..place, layers);
    }
}

impl Making<'_> {
    /// Asks those that are built, and takes the configuration that results.
    pub(super) async fn ask_sources(&mut self, early: Option<&Scope>) -> Result<()> {
        if let Some(scope) = early {
            self.given = match self.plan.kept.take() {
                Some(kept) => kept,
                None => self.ask(scope).await?,
            };
            // Now, and not when the generation serves: what changes meanwhile is a change. And also if it never does.
            (self.plan.asked)(&self.given);
        }
        let layers = self.given.layers();
        let draft = self.plan.config.with_sources(&layers);
        let config = Arc::new(self.plan.registry.accept(draft, Asked::Already)?);
        self.check_untouched(&config)?;
        if layers.is_empty() {
            return Ok(());
        }
        self.adopt(config)
    }

    async fn ask(&self, scope: &Scope) -> Result<Given> {
        let question = ConfigQuestion::of(&self.plan.config);
        let asked = scope.clone();
        let ask = async move { points::CONFIG_LOAD.ask_each(&asked, &question).await };
        let workers = &self.plan.workers;
        let all = tokio::time::timeout(PATIENCE, on_workers(workers, Spot::default(), ask)).await;
        let all = all.unwrap_or_else(|_| {
            let message = "those who give configuration at `config.load` block their threads";
            Err(Error::new(code::DEADLINE, message))
        })?;
        let (mut given, mut failed) = (Given::default(), Vec::new());
        for (plugin, answer) in all {
            match answer {
                Ok(layer) => given.0.push(Layer {
                    section: self.plan.config.sections().get(&plugin),
                    plugin,
                    layer,
                }),
                Err(error) => failed.push((plugin, error)),
            }
        }
        let errors = failed
            .into_iter()
            .filter_map(|(plugin, error)| self.without(&plugin, &error, &mut given).err());
        Error::all(errors.collect::<Vec<_>>()).map_or(Ok(given), Err)
    }

    /// Goes on without the answer of a plugin, with its last one if there is one that still holds.
    fn without(&self, plugin: &Arc<str>, error: &Error, given: &mut Given) -> Result<()> {
        let record = self.records.iter().find(|record| record.name == *plugin);
        let told = error.line_of(plugin);
        if record.is_none_or(|record| record.is_required()) {
            let message = format!("`{plugin}` is required, and gives no configuration: {told}");
            return Err(Error::new(code::CONFIG_SOURCE, message)
                .with_help("mend it, or set `required: false` in its section to go on without"));
        }
        let section = self.plan.config.sections().get(plugin);
        let last = &self.plan.last_given;
        if last.of(plugin).any(|last| !last.section.same(&section)) {
            // Neither would the old answer be true, nor is none of them what was asked for.
            let message = format!(
                "`{plugin}` is configured otherwise now, and gives no configuration: {told}"
            );
            return Err(Error::new(code::CONFIG_SOURCE, message)
                .with_help("mend it, or put its old settings back"));
        }
        given.restore(last, plugin);
        let with = match last.of(plugin).next() {
            Some(_) => "what it gave last time is used",
            None => "going on without it",
        };
        tracing::warn!(%plugin, error = %told, "a source of configuration failed; {with}");
        Ok(())
    }

    /// Whoever gives configuration was built with what the files say: nobody can change that any more, nor make more of
    /// them.
    fn check_untouched(&self, config: &Config) -> Result<()> {
        let (specs, _) = self.plan.registry.instances(config.sections());
        let early = self
            .specs
            .iter()
            .chain(&specs)
            .filter(|spec| spec.is_early());
        let names: BTreeSet<&Arc<str>> = early.map(|spec| &spec.name).collect();
        let old = self.plan.config.sections();
        let errors = names.into_iter().filter_map(|name| {
            let section = config.sections().get(name);
            (!section.same(&old.get(name))).then(|| {
                let message = format!(
                    "a source sets something in `plugins.{name}`, which is built before the sources are asked"
                );
                Error::new(code::CONFIG_INVALID, message)
                    .in_plugin(Arc::clone(name))
                    .from_origin(section.origin.to_string())
                    .with_help("write it into the configuration file, or set it in the environment")
            })
        });
        Error::all(errors).map_or(Ok(()), Err)
    }
}
