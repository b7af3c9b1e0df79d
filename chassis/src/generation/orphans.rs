//! What is left out because somebody does not run that it requires at its point.

use super::assemble::Put;
use std::sync::Arc;

/// Drops the contributions that need, at their point, somebody who does not run; others go without. (One that nobody has heard of
/// is a mistake, and found when they are put in order.)
pub(super) fn drop_from(
    point: &str,
    puts: &mut Vec<Put<'_>>,
    is_down: &dyn Fn(&str) -> bool,
    is_needed: &dyn Fn(&str) -> bool,
) {
    puts.retain_mut(|put| {
        let plugin = Arc::clone(&put.wish.plugin);
        let requires = &mut put.wish.requires;
        let needed = requires
            .iter()
            .find(|name| is_down(name) && is_needed(name));
        if let Some(down) = needed {
            tracing::warn!(%plugin, point, "left out: it requires `{down}` there, which does not run");
            return false;
        }
        requires.retain(|name| !is_down(name));
        true
    });
}
