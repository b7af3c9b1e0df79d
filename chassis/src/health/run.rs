//! Asks a check again and again.

use super::{Change, Check, Health};
use crate::{
    error::{Error, Result, code},
    text::show_duration,
};
use std::time::Duration;

/// Asks a check, and asks it again `interval` after it has answered, for ever. It never overlaps with itself: whoever
/// hangs is late for himself alone.
pub(crate) async fn keep_asking<Fut: Future<Output = Health>>(
    check: &Check,
    mut lengthen: impl FnMut(Duration) -> Duration,
    mut ask: impl FnMut() -> Fut,
    mut changed: impl FnMut(Change),
) {
    loop {
        check.until_on().await;
        check.asked();
        let health = ask().await.bounded();
        if let Some(change) = check.answered(health) {
            changed(change);
        }
        check.rest(lengthen(check.controls().interval)).await;
    }
}

/// What the outcome of a call says. An answer that blocked its thread for longer than the deadline could not be cut off; it
/// is too late all the same.
pub(crate) fn said(outcome: Result<Health>, in_time: bool, deadline: Duration) -> Health {
    match outcome {
        Err(error) if error.code() == code::PANIC => down(&error),
        _ if !in_time => Health::down(format!("no answer within {}", show_duration(deadline))),
        Ok(health) => health,
        Err(error) => down(&error),
    }
}

/// Where it happened is said beside it.
fn down(error: &Error) -> Health {
    Health::down(error.line_of(error.plugin().unwrap_or_default()))
}
