//! What can still be said of a subscription once it is made.

use super::Placed;
use crate::event::{Message, Subscription};
use std::{sync::Arc, time::Duration};

/// A subscription that was just made: when it wants to be told, and how often.
#[derive(Debug)]
pub struct Subscribed<'t> {
    pub(super) placed: Placed<'t>,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "it is made already; what follows is by the way"
)]
impl Subscribed<'_> {
    /// How often it is tried again when it fails; then the event is a dead letter. Meanwhile what comes after it waits:
    /// the order is kept. Default: 0.
    pub fn retries(self, retries: u32) -> Self {
        self.change(|subscription| subscription.retries = retries)
    }

    /// How long until it is tried again, and twice as long before each further attempt, up to 5 minutes. Default: 1 s.
    pub fn backoff(self, backoff: Duration) -> Self {
        self.change(|subscription| subscription.backoff = backoff)
    }

    /// Which events are wanted, beside their topic. A panic in it counts as one of the handler.
    pub fn when(self, when: impl Fn(&Message) -> bool + Send + Sync + 'static) -> Self {
        self.change(|subscription| subscription.when = Some(Arc::new(when)))
    }

    /// How long one call may take. Default: 5 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.placed = self.placed.deadline(deadline);
        self
    }

    /// Among the handlers of this plugin that want the same event: lower comes first; the default is 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.placed = self.placed.priority(priority);
        self
    }

    fn change(self, change: impl FnOnce(&mut Subscription)) -> Self {
        // Nobody else has it yet.
        let handler = Arc::get_mut(&mut self.placed.contribution.handler);
        if let Some(subscription) = handler.and_then(|handler| handler.downcast_mut()) {
            change(subscription);
        }
        self
    }
}
