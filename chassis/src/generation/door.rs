//! Whether routes are shut that do not say who may call them: a plugin says so by its type.

use super::Parts;
use crate::gate::Door;

/// What all that is known has to say of it, and what those that are built, or away for a moment, leave open.
pub(super) fn of(parts: &Parts<'_>) -> Door {
    let known = parts.records.iter().map(|record| &*record.info);
    let mut open = Vec::new();
    for instance in &parts.instances {
        if instance.record.info.shuts_routes {
            open.extend_from_slice(&instance.contributions.open_routes);
        }
    }
    for away in &parts.away {
        if away.record.info.shuts_routes {
            open.extend_from_slice(&away.open_routes);
        }
    }
    Door::new(known, open.into())
}
