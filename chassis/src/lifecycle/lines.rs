//! Asks the plugin that writes the lines of the log: for each generation anew.

use super::{Making, on_workers};
use crate::{
    call::Spot,
    error::{Error, code},
    lines::LogLines,
    points::TELEMETRY_LINES,
    scope::Scope,
    telemetry::Brought,
};
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// Each handler has a deadline of its own: whoever takes longer than this blocks its thread.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who writes the lines while a generation serves.
#[derive(Debug)]
pub(crate) enum Lines {
    /// Whoever does so far.
    AsBefore,
    /// A plugin, or the chassis.
    By(Option<Brought>),
}

impl Making<'_> {
    /// Asks those that are built early. At start whoever answers writes from now on; in a reload once the generation serves.
    pub(super) async fn ask_lines(&mut self, scope: &Scope) {
        if TELEMETRY_LINES.is_idle(scope) || self.plan.build_only {
            return;
        }
        let Some(log) = self.plan.log else {
            tracing::warn!(
                "the lines at `telemetry.lines` are not written: the log was not installed by `chassis::main`"
            );
            return;
        };
        let (asked, said) = (scope.clone(), self.plan.config.settings().log.clone());
        let ask = async move { TELEMETRY_LINES.ask_each(&asked, &said).await };
        let ask = on_workers(&self.plan.workers, Spot::default(), ask);
        let answers = tokio::time::timeout(PATIENCE, ask).await;
        let answers = answers.unwrap_or_else(|_| {
            let message = "those who give lines at `telemetry.lines` block their threads";
            Err(Error::new(code::DEADLINE, message))
        });
        let answers = answers.unwrap_or_else(|error| {
            tracing::error!(error = %error.line(), "the chassis writes the lines of the log itself");
            Vec::new()
        });
        // Who failed is told of where it was asked.
        let mut all = answers
            .into_iter()
            .filter_map(|(plugin, lines)| Some((plugin, lines.ok()?)));
        self.lines = all.next();
        for (plugin, _) in all {
            tracing::warn!(%plugin, "does not write the lines of the log: another plugin does, which comes before it");
        }
        if self.plan.before.is_none() {
            log.write_by(self.brought());
        }
    }

    fn brought(&self) -> Option<Brought> {
        let (plugin, lines) = self.lines.as_ref()?;
        let service = &self.plan.config.settings().service;
        Some(Brought {
            plugin: Arc::clone(plugin),
            lines: LogLines::clone(lines),
            service: (service.name.clone(), service.version.clone()),
            is_broken: AtomicBool::new(false),
        })
    }

    /// Who writes once the generation serves: somebody who is part of it.
    pub(super) fn chosen_lines(&self) -> Lines {
        let brought = self.brought().filter(|brought| {
            let mut parts = self.built.values();
            parts.any(|instance| *instance.name() == brought.plugin)
        });
        Lines::By(brought)
    }
}
