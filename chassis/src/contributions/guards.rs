//! Contributions of those who decide what callers may do, and what stands in their place while they are away.

use super::{Contribution, Contributions};
use crate::{
    auth::{Access, AuthQuestion, Authentication},
    error::{Error, code},
    point::{CallClosure, CallFn, FilterClosure, FilterFn},
    points::{self, Denied},
};
use std::{any::Any, sync::Arc};

impl Contribution {
    fn is_of_guard(&self) -> bool {
        let points = [points::AUTHENTICATE.name, points::AUTHORIZE.name];
        points.contains(&&*self.point)
    }

    /// What stands in its place when its instance has stopped, and a generation still serves that it belongs to.
    pub(crate) fn stand_in(&self, handler: Arc<dyn Any + Send + Sync>) -> Self {
        let mut wish = self.wish.clone();
        // Those may be away as well, and then it would be left out.
        wish.requires.clear();
        Self {
            point: Arc::clone(&self.point),
            label: Arc::clone(&self.label),
            origin: Arc::clone(&self.origin),
            handler,
            wish,
            deadline: self.deadline,
            skip_on_failure: self.skip_on_failure,
            routes: None,
            bad_routes: None,
            buffered: None,
            is_sync: self.is_sync,
            check: None,
            stats: Arc::clone(&self.stats),
        }
    }

    /// The same of a guard, which fails until it is back: who has asked for one that knew callers, or denied them something, is not
    /// to be let in, or sent away for good, because it is not there for a moment.
    fn failing(&self, owner: &Arc<str>) -> Self {
        let owner = Arc::clone(owner);
        if *self.point == *points::AUTHENTICATE.name {
            let ask = CallClosure(async move |_: &AuthQuestion| {
                Err::<Option<Authentication>, _>(being_replaced(&owner))
            });
            let handler: CallFn<AuthQuestion, Authentication> = Arc::new(ask);
            self.stand_in(Arc::new(handler))
        } else {
            let ask =
                FilterClosure(async move |_: &mut Access| Err::<(), _>(being_replaced(&owner)));
            let handler: FilterFn<Access, Denied> = FilterFn::Async(Arc::new(ask));
            self.stand_in(Arc::new(handler))
        }
    }
}

impl Contributions {
    /// Whether they decide what callers may do.
    pub(crate) fn are_of_guard(&self) -> bool {
        self.handlers.iter().any(Contribution::is_of_guard)
    }

    /// What stands in the place of those that decide it.
    pub(crate) fn failing_guards(&self) -> Vec<Contribution> {
        let guards = self.handlers.iter();
        let guards = guards.filter(|put| put.is_of_guard());
        guards.map(|put| put.failing(&self.owner)).collect()
    }
}

/// Why a plugin does not answer that a reload has stopped first.
pub(crate) fn being_replaced(plugin: &Arc<str>) -> Error {
    let message = format!("`{plugin}` is being replaced");
    Error::new(code::AWAY, message)
        .in_plugin(Arc::clone(plugin))
        .retryable()
}
