//! Asks the plugins that give configuration, and goes on with what they gave.

use super::{Making, on_workers};
use crate::{
    config::{Config, ConfigLayer},
    error::{Error, Result, code},
    instance::Record,
    points::{self, ConfigQuestion},
    registry::Asked,
    scope::Scope,
};
use std::{path::Path, sync::Arc};

/// What the sources gave, in order, each with its plugin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(Vec<(Arc<str>, ConfigLayer)>);

impl Given {
    /// The paths that they want watched.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().flat_map(|(_, layer)| layer.watched())
    }

    fn of(&self, plugin: &str) -> impl Iterator<Item = &ConfigLayer> {
        let mine = self.0.iter().filter(move |(name, _)| **name == *plugin);
        mine.map(|(_, layer)| layer)
    }

    /// Puts back what a plugin gave last time, behind those that came before it then.
    fn restore(&mut self, last: &Self, plugin: &Arc<str>) {
        self.0.retain(|(name, _)| name != plugin);
        let before: Vec<&Arc<str>> = last
            .0
            .iter()
            .map(|(name, _)| name)
            .take_while(|name| *name != plugin)
            .collect();
        let place = self.0.iter().rposition(|(name, _)| before.contains(&name));
        let place = place.map_or(0, |place| place + 1);
        let layers = last.of(plugin).cloned();
        let layers: Vec<_> = layers.map(|layer| (Arc::clone(plugin), layer)).collect();
        self.0.splice(place..place, layers);
    }
}

impl Making<'_> {
    /// Asks those that are built, and takes the configuration that results.
    pub(super) async fn ask_sources(&mut self, early: Option<&Scope>) -> Result<()> {
        if let Some(scope) = early {
            self.given = self.ask(scope).await?;
        }
        let layers: Vec<ConfigLayer> = self
            .given
            .0
            .iter()
            .map(|(_, layer)| layer.clone())
            .collect();
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
        let deadline = self.plan.config.settings().lifecycle.init_deadline;
        let asked = scope.clone();
        let ask = async move { Ok(points::CONFIG_LOAD.ask(&asked, &question).await) };
        let provided = tokio::time::timeout(deadline, on_workers(&self.plan.workers, ask)).await;
        let provided = provided.unwrap_or_else(|_| {
            let message = "those who give configuration at `config.load` block their threads";
            Err(Error::new(code::DEADLINE, message))
        })?;
        let answers = provided.answers.into_iter();
        let mut given = Given(
            answers
                .map(|answer| (answer.plugin, answer.value))
                .collect(),
        );
        let mut errors = Vec::new();
        for error in provided.failed {
            let name = error.plugin().unwrap_or_default();
            let Some(record) = self.records.iter().find(|record| *record.name == *name) else {
                errors.push(error);
                continue;
            };
            match self.without(record, &mut given) {
                true => self.log_failed_source(record, &error),
                false => errors.push(required(record, &error)),
            }
        }
        Error::all(errors).map_or(Ok(given), Err)
    }

    /// Goes on without the answer of a plugin, with its last one if there is one; false if that can't be.
    fn without(&self, record: &Record, given: &mut Given) -> bool {
        given.restore(&self.plan.last_given, &record.name);
        !record.required
    }

    fn log_failed_source(&self, record: &Record, error: &Error) {
        let (plugin, told) = (&*record.name, error.line_of(&record.name));
        let with = match self.plan.last_given.of(plugin).next() {
            Some(_) => "what it gave last time is used",
            None => "going on without it",
        };
        tracing::warn!(plugin, error = %told, "a source of configuration failed; {with}");
    }

    /// Whoever gives configuration was built with what the files say: nobody can change that any more.
    fn check_untouched(&self, config: &Config) -> Result<()> {
        let early = self.specs.iter().filter(|spec| spec.is_early());
        let errors = early.filter_map(|spec| {
            let section = config.sections().get(&spec.name);
            (!section.same(&spec.section)).then(|| {
                let message = format!(
                    "a source sets something in `plugins.{}`, which is built before the sources are asked",
                    spec.name
                );
                Error::new(code::CONFIG_INVALID, message)
                    .in_plugin(Arc::clone(&spec.name))
                    .with_help("write it into the configuration file, or set it in the environment")
            })
        });
        Error::all(errors).map_or(Ok(()), Err)
    }
}

fn required(record: &Record, error: &Error) -> Error {
    let message = format!(
        "`{}` is required, and gives no configuration: {}",
        record.name,
        error.line_of(&record.name)
    );
    Error::new(code::CONFIG_SOURCE, message)
        .with_help("mend it, or set `required: false` in its section to go on without")
}
