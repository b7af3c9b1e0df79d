//! Whether a generation that is built would keep the service as ready as it is: the critical checks of what is new in it
//! have answered, and are well.

use super::Making;
use crate::{
    error::{Error, Result, code},
    instance::told,
    points::HEALTH_CHECK,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// A check is down by itself when its deadline is over; whoever takes longer than this blocks its thread.
const GRACE: Duration = Duration::from_secs(1);

impl Making<'_> {
    /// Waits for the first answers of the critical checks that are new. At start nobody serves who could serve on in their
    /// place: there the service only is not ready until they are well. For the same reason nobody waits for a check that was
    /// not well before: its reload may be what mends it.
    pub(super) async fn check_ready(&self) -> Result<()> {
        // Who comes back serves in any case.
        let Some(before) = self.plan.before.as_ref().filter(|_| !self.plan.comes_back) else {
            return Ok(());
        };
        let checks = before.records.iter().flat_map(|record| record.checks());
        let unwell: BTreeSet<String> = checks
            .filter(|check| !check.is_well())
            .map(|check| check.id())
            .collect();
        let mut errors = Vec::new();
        for (index, record) in self.records.iter().enumerate() {
            if self.is_carried(index) {
                continue;
            }
            for check in record.checks() {
                let controls = check.controls();
                if !controls.critical || unwell.contains(&check.id()) {
                    continue;
                }
                let patience = controls.deadline.saturating_add(GRACE);
                // Without an answer it is not well.
                _ = tokio::time::timeout(patience, check.until_answered()).await;
                if !check.is_well() {
                    let message = format!(
                        "the service would not be ready any more: the critical check {}",
                        told(check)
                    );
                    let error = Error::new(code::RELOAD_FAILED, message)
                        .in_plugin(Arc::clone(&record.name))
                        .at(HEALTH_CHECK.name)
                        .with_help("mend it, or take `critical` from it in `health.checks`");
                    errors.push(self.specs[index].placed(error));
                }
            }
        }
        Error::all(errors).map_or(Ok(()), Err)
    }
}
