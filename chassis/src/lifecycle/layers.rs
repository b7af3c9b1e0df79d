//! Asks the plugins that bring layers of the log, once in the life of a process: a log can't be installed twice.

use super::{Making, on_workers};
use crate::{
    call::Spot,
    error::{Error, code},
    point::ProviderPoint,
    points::TELEMETRY_LAYERS,
    scope::Scope,
};
use std::time::Duration;

/// Each handler has a deadline of its own: whoever takes longer than this blocks its thread.
const PATIENCE: Duration = Duration::from_secs(30);

impl Making<'_> {
    /// Asks those that are built early, unless others have been asked.
    pub(super) async fn ask_layers(&self, scope: &Scope) {
        if TELEMETRY_LAYERS.is_idle(scope) || self.plan.build_only {
            return;
        }
        let Some(log) = self.plan.log else {
            tracing::warn!(
                "layers at `telemetry.layers` are not installed: the log was not installed by `chassis::main`"
            );
            return;
        };
        if log.has_layers() {
            tracing::info!(
                "the layers at `telemetry.layers` stay those of the start: a log is installed once; restart to change them"
            );
            return;
        }
        let asked = scope.clone();
        let ask = async move { TELEMETRY_LAYERS.ask_each(&asked, &()).await };
        let ask = on_workers(&self.plan.workers, Spot::default(), ask);
        let answers = tokio::time::timeout(PATIENCE, ask).await;
        let answers = answers.unwrap_or_else(|_| {
            let message = "those who give layers at `telemetry.layers` block their threads";
            Err(Error::new(code::DEADLINE, message))
        });
        match answers {
            // Who failed is told of where it was asked.
            Ok(answers) => log.install(
                answers
                    .into_iter()
                    .filter_map(|(plugin, layer)| Some((plugin, layer.ok()?)))
                    .collect(),
            ),
            Err(error) => tracing::error!(error = %error.line(), "there are no layers of the log"),
        }
    }

    /// Names those that nobody asks, because they are built too late.
    pub(super) fn warn_of_late<T, Q>(&self, point: &'static ProviderPoint<T, Q>, scope: &Scope)
    where
        T: Send + 'static,
        Q: Send + Sync + 'static,
    {
        for (_, site) in point.entries(scope).unwrap_or_default() {
            let mut specs = self.specs.iter();
            if specs.any(|spec| spec.name == site.plugin && !spec.is_early()) {
                tracing::warn!(
                    plugin = %site.plugin,
                    "stands at `{}`, and is not asked: write `stage = \"bootstrap\"`, so that it is built in time",
                    point.name
                );
            }
        }
    }
}
