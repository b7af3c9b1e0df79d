//! What an instance that is built anew gets of the one before it: its configuration, and a snapshot of its state.

use super::{Making, ReloadAction, on_workers};
use crate::{
    context::{HandedSlot, Previous},
    error::Result,
    instance::{Instance, Phase},
};
use std::sync::{Arc, PoisonError};

impl Making<'_> {
    /// The instance that one is built in place of, and what it leaves; none if it is new, or was of another plugin.
    pub(super) fn predecessor(&self, index: usize) -> Option<(Arc<Instance>, Previous)> {
        let (spec, before) = (&self.specs[index], self.plan.before.as_ref()?);
        let change = self.changes.get(index)?;
        let instance = before.instance(&spec.name)?;
        let is_same = Arc::ptr_eq(&instance.record.info, &spec.registration.info);
        (change.action == ReloadAction::Rebuilt && is_same).then(|| {
            let previous = Previous {
                section: before.config.sections().get(&spec.name),
                handed: Arc::default(),
            };
            (Arc::clone(instance), previous)
        })
    }
}

/// Has an instance make its snapshot, if it hands anything over. It serves on.
pub(super) async fn hand_over(
    old: &Instance,
    to: &HandedSlot,
    workers: &tokio::runtime::Handle,
) -> Result<()> {
    let Some(snapshot) = old.contributions.hand_over.clone() else {
        return Ok(());
    };
    let record = &old.record;
    let take = async move { snapshot.take().await };
    let take = on_workers(workers, record.ward.spot("hand_over"), take);
    let handed = record.step(Phase::HandOver).run(take).await?;
    *to.lock().unwrap_or_else(PoisonError::into_inner) = Some(handed);
    Ok(())
}
