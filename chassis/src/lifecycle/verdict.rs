//! Whether what is up is enough to go on with.

use super::Making;
use crate::{
    error::{Error, Result, code},
    instance::Record,
    registry::Spec,
    status::PluginState,
};
use std::sync::Arc;

impl Making<'_> {
    /// Whether every instance of these is up that the service can't do without.
    pub(super) fn check_required(&self, of: impl Fn(&Spec) -> bool) -> Result<()> {
        if self.plan.comes_back {
            return Ok(());
        }
        let all = || self.specs.iter().zip(&self.records);
        let down = |(spec, record): &(&Spec, &Arc<Record>)| {
            let state = record.state();
            of(spec)
                && record.is_required_on(&self.terms(spec))
                && state != PluginState::Initialized
                && !state.is_alive()
        };
        let error = |(spec, record): (&Spec, &Arc<Record>)| {
            let status = record.status();
            let reason = status.reason.unwrap_or_default();
            let message = format!(
                "`{}` is required, but it is {}: {reason}",
                record.name, status.state
            );
            placed(Error::new(code::REQUIRED, message), spec, record)
                .with_help("mend it, or set `required: false` in its section to run without it")
        };
        // How it was; nothing if there was none of that name.
        let was = |name: &Arc<str>| {
            let mut records = self.plan.before.iter().flat_map(|before| &before.records);
            records.find(|record| record.name == *name)
        };
        // It ran until it was stopped for this.
        let ran = |name: &Arc<str>| self.way.stops.contains_key(name);
        let newly = |(spec, record): &(&Spec, &Arc<Record>)| {
            if !of(spec)
                || record.is_required_on(&self.terms(spec))
                || record.state() != PluginState::Failed
            {
                return false;
            }
            let may_fail = self.plan.before.is_none()
                || was(&record.name).is_some_and(|was| !was.state().is_alive())
                    && !ran(&record.name);
            !may_fail
        };
        let newly_error = |(spec, record): (&Spec, &Arc<Record>)| {
            let reason = record.status().reason.unwrap_or_default();
            let name = &record.name;
            let is_new = was(name).is_none();
            let message = if is_new {
                format!("`{name}` is new, and does not run: {reason}")
            } else {
                format!("`{name}` runs now, and would not any more: {reason}")
            };
            placed(Error::new(code::RELOAD_FAILED, message), spec, record)
                .with_help("mend it, or set `enabled: false` in its section")
        };
        let required = all().filter(down).map(error);
        let newly = all().filter(newly).map(newly_error);
        Error::all(required.chain(newly)).map_or(Ok(()), Err)
    }
}

/// Says whose fault it is, in which step, what that was, and where it is configured.
fn placed(error: Error, spec: &Spec, record: &Record) -> Error {
    let error = spec.placed(error.in_plugin(Arc::clone(&record.name)));
    let Some(last) = record.status().last_error else {
        return error;
    };
    let error = error.caused_by(last.code);
    match last.phase {
        Some(phase) => error.at(phase),
        None => error,
    }
}
