//! Contributions to a point that is known by its name only.

use super::{Contributions, Place, Placed};
use crate::point::{
    ActionClosure, ActionFn, CallClosure, CallFn, FilterClosure, FilterFn, IntoFlow,
    ProvideClosure, ProvideFn,
    handler::{ActionClosureFn, CallClosureFn, FilterClosureFn, ProvideClosureFn},
};
use serde_json::Value;
use std::{convert::Infallible, sync::Arc};

/// A point that is known by its name only: one that a plugin declares at run time, or a typed one that has a JSON
/// form. See [`Contributions::at`].
///
/// ```
/// use chassis::prelude::*;
///
/// /// Takes a tenth off every price, without linking the shop.
/// #[plugin]
/// async fn sale(cx: &mut PluginContext) -> Result<()> {
///     cx.at("shop.price").filter(|price: &mut serde_json::Value| {
///         if let Some(cents) = price.as_u64() {
///             *price = (cents * 9 / 10).into();
///         }
///     });
///     Ok(())
/// }
/// ```
pub struct ByName<'t> {
    pub(super) to: &'t mut Contributions,
    pub(super) point: Arc<str>,
}

impl std::fmt::Debug for ByName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ByName").field(&self.point).finish()
    }
}

/// The time that a handler may take where the point does not say.
const DEADLINE: Option<std::time::Duration> = crate::point::handler::DEADLINE;

impl<'t> ByName<'t> {
    /// Puts a synchronous handler at a filter point.
    #[track_caller]
    pub fn filter<O: IntoFlow<Infallible>>(
        self,
        handler: impl Fn(&mut Value) -> O + Send + Sync + 'static,
    ) -> Placed<'t> {
        let handler: FilterFn<Value, Infallible> =
            FilterFn::sync(move |value| handler(value).into_flow());
        self.to.add_sync(self.point, Place::caller(), handler)
    }

    /// Puts an asynchronous handler at a filter point.
    #[track_caller]
    pub fn filter_async(
        self,
        handler: impl for<'a> FilterClosureFn<'a, Value, Infallible> + Clone + Send + Sync + 'static,
    ) -> Placed<'t> {
        let handler: FilterFn<Value, Infallible> =
            FilterFn::Async(Arc::new(FilterClosure(handler)));
        self.to.add(self.point, Place::caller(), handler, DEADLINE)
    }

    /// Puts a handler at an action point.
    #[track_caller]
    pub fn action(
        self,
        handler: impl for<'a> ActionClosureFn<'a, Value> + Clone + Send + Sync + 'static,
    ) -> Placed<'t> {
        let handler: ActionFn<Value> = Arc::new(ActionClosure(handler));
        self.to.add(self.point, Place::caller(), handler, DEADLINE)
    }

    /// Puts a handler at a provider point.
    #[track_caller]
    pub fn provide(
        self,
        handler: impl for<'a> ProvideClosureFn<'a, Value, Value> + Clone + Send + Sync + 'static,
    ) -> Placed<'t> {
        let handler: ProvideFn<Value, Value> = Arc::new(ProvideClosure(handler));
        self.to.add(self.point, Place::caller(), handler, DEADLINE)
    }

    /// Puts a handler at a call point.
    #[track_caller]
    pub fn call(
        self,
        handler: impl for<'a> CallClosureFn<'a, Value, Value> + Clone + Send + Sync + 'static,
    ) -> Placed<'t> {
        let handler: CallFn<Value, Value> = Arc::new(CallClosure(handler));
        self.to.add(self.point, Place::caller(), handler, DEADLINE)
    }
}
