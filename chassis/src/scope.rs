//! Scopes: in which generation a point is applied.

use crate::{cause::Cause, request_id::RequestId, trace_context::TraceContext};
use std::{
    any::{Any, TypeId},
    fmt,
    sync::Arc,
};

/// What a generation is to the modules below it.
pub(crate) trait World: Send + Sync {
    /// The number of the generation.
    fn number(&self) -> u64;
    /// The handlers at a linked point, by its index.
    fn point(&self, index: usize) -> Option<&(dyn Any + Send + Sync)>;
    /// The handlers at a point that was declared at run time, by its name.
    fn point_named(&self, name: &str) -> Option<&(dyn Any + Send + Sync)>;
    /// Whether there is a point of this name, of whatever sort.
    fn has_point(&self, name: &str) -> bool;
    /// The bus of the chassis, as a type that the modules above know.
    fn bus(&self) -> &Arc<dyn Any + Send + Sync>;
    /// The value of this type that `plugin` may see.
    fn export(&self, plugin: &str, of: TypeId) -> Found;
}

/// What was found among the exports that a plugin may see: its own, or else that of the one among those it requires.
pub(crate) enum Found {
    Nothing,
    One(Arc<dyn Any + Send + Sync>),
    /// Several required plugins export one: a choice would depend on their order.
    Several(Vec<Arc<str>>),
}

/// One generation, held: everything that is applied in a scope sees the same plugins.
///
/// A request has one (it is an extractor, and [`Exchange::scope`](crate::Exchange::scope) gives it), and so has
/// each unit of background work that asks with [`Background::enter`](crate::Background::enter). As long as one lives,
/// its generation can't end: keep it for the work at hand, never in a plugin.
///
/// ```
/// use chassis::prelude::*;
///
/// /// The price of an order, in cents, before it is charged.
/// #[extension_point]
/// pub static PRICE: FilterPoint<u64> = FilterPoint::new("shop.total");
///
/// async fn price(scope: Scope) -> Result<String> {
///     Ok(PRICE.apply(&scope, 1_000).await?.to_string())
/// }
/// ```
#[derive(Clone)]
pub struct Scope {
    pub(crate) world: Arc<dyn World>,
    cause: Cause,
}

impl Scope {
    /// For background work.
    pub(crate) fn new(world: Arc<dyn World>) -> Self {
        Self::of(world, Cause::new(RequestId::NONE, None))
    }

    /// For a request or an event.
    pub(crate) fn of(world: Arc<dyn World>, cause: Cause) -> Self {
        Self { world, cause }
    }

    /// The number of the generation that this scope holds.
    pub fn generation(&self) -> u64 {
        self.world.number()
    }

    /// The id of the request that this scope belongs to, if it belongs to one.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.cause.request_id()
    }

    /// The trace that the request belongs to, or the event: that of the caller, or one that was begun in the request before
    /// this scope was taken from it. None if there is none so far.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.cause.trace().map(|trace| &**trace)
    }

    pub(crate) fn cause(&self) -> &Cause {
        &self.cause
    }

    pub(crate) fn cause_mut(&mut self) -> &mut Cause {
        &mut self.cause
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("generation", &self.generation())
            .field("request_id", &self.request_id())
            .finish()
    }
}
