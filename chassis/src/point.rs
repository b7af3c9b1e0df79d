//! Extension points: named places where plugins take part.

use crate::{
    call::Site,
    error::{Error, Result, code},
    scope::Scope,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

mod named;
mod call_point;
mod provider;
mod action;
mod filter;
mod bridge;
pub(crate) mod handler;
pub(crate) mod order;

pub(crate) use self::{
    action::ActionFn,
    call_point::CallFn,
    filter::{End, FilterFn, Walk},
    handler::{
        ActionClosure, Ask, AsyncFilter, CallClosure, FilterClosure, Method, ProvideClosure, Tell,
    },
    named::NamedPoint,
    provider::ProvideFn,
};
pub use self::{
    action::{ActionPoint, Told},
    bridge::Bridge,
    call_point::{CallPoint, Calling},
    filter::{FilterPoint, Flow, MayFailOpen, Open, Sealed},
    handler::{IntoAnswer, IntoDone, IntoFlow},
    named::{PointSpec, ScopePoint},
    provider::{Answer, Provided, ProviderPoint},
};

/// How the handlers at a point work together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PointKind {
    /// A value goes through all handlers; the output of one is the input of the next.
    Filter,
    /// All handlers are told.
    Action,
    /// Each handler gives something; the caller gets the list.
    Provider,
    /// One handler answers.
    Call,
}

/// What is known of an extension point.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PointInfo {
    /// The name.
    pub name: Arc<str>,
    /// How its handlers work together.
    #[serde(rename = "type")]
    pub kind: PointKind,
    /// What it is for.
    pub description: String,
    /// The payload: what handlers are given.
    pub payload: &'static str,
    /// What they give back.
    pub answer: &'static str,
    /// The JSON Schema of the payload, if it has a JSON form.
    pub schema: Option<serde_json::Value>,
    /// What happens when a handler fails.
    pub on_failure: &'static str,
    /// Whether no contribution can choose to be skipped when it fails.
    pub sealed: bool,
    /// Who declared it, and where.
    pub origin: Arc<str>,
}

#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an extension point",
    label = "write `FilterPoint<..>`, `ActionPoint<..>`, `ProviderPoint<..>` or `CallPoint<..>`"
)]
/// A point that is declared: what the chassis needs to know without knowing its payload.
pub trait DeclaredPoint: Send + Sync {
    /// Everything that is known of it but the place of its declaration.
    #[doc(hidden)]
    fn info(&self) -> PointInfo;
    /// Where its handlers stand in a generation's table.
    #[doc(hidden)]
    fn index(&self) -> Option<&Index>;
    /// The handlers put at it, in order, in their own type.
    #[doc(hidden)]
    fn assemble(&self, handlers: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>>;
}

/// A point found at link time.
#[doc(hidden)]
pub struct LinkedPoint {
    pub point: &'static dyn DeclaredPoint,
    pub description: &'static str,
    pub krate: &'static str,
    pub file: &'static str,
    pub line: u32,
}

/// A handler at a point, with its type erased.
#[doc(hidden)]
pub struct Contributed {
    pub(crate) handler: Arc<dyn Any + Send + Sync>,
    pub(crate) site: Arc<Site>,
    pub(crate) skip_on_failure: bool,
}

/// A handler at a point.
pub(crate) struct Entry<H> {
    pub(crate) handler: H,
    pub(crate) site: Arc<Site>,
    pub(crate) skip_on_failure: bool,
}

/// Gives the handlers their type back: `H`, or `J` (their JSON form) by way of `bridge`.
fn typed<H: Clone + 'static, J: 'static>(
    point: &str,
    handlers: Vec<Contributed>,
    bridge: Option<&dyn Fn(&J) -> H>,
) -> Result<Vec<Entry<H>>> {
    let entry = |Contributed {
                     handler,
                     site,
                     skip_on_failure,
                 }| {
        let handler = match (
            handler.downcast_ref::<H>(),
            handler.downcast_ref::<J>(),
            bridge,
        ) {
            (Some(handler), _, _) => handler.clone(),
            (None, Some(json), Some(bridge)) => bridge(json),
            (None, Some(_), None) => {
                let message =
                    format!("the point `{point}` has no JSON form, so only typed handlers fit");
                return Err(mismatch(&site, message).with_help(
                    "add `.json()` to its declaration, or contribute to the typed point",
                ));
            }
            (None, None, _) => {
                let message = format!("the handler does not fit the point `{point}`");
                return Err(mismatch(&site, message)
                    .with_help(format!("the point takes {}", std::any::type_name::<H>())));
            }
        };
        Ok(Entry {
            handler,
            site,
            skip_on_failure,
        })
    };
    handlers.into_iter().map(entry).collect()
}

fn mismatch(site: &Site, message: String) -> Error {
    Error::new(code::POINT_MISMATCH, message).in_plugin(Arc::clone(&site.plugin))
}

/// Where the handlers of a linked point stand in the table of every generation.
///
/// The index is a pure function of what is linked (the points sorted by name), so one in the static serves all
/// chassis of a process.
#[doc(hidden)]
#[derive(Debug)]
pub struct Index(AtomicU32);

impl Index {
    const UNSET: u32 = u32::MAX;

    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(Self::UNSET))
    }

    pub(crate) fn set(&self, index: usize) {
        self.0
            .store(u32::try_from(index).unwrap_or(Self::UNSET), Relaxed);
    }

    /// The handlers at this point in that scope.
    #[inline]
    pub(crate) fn handlers<'s, H: 'static>(&self, name: &str, scope: &'s Scope) -> Result<&'s H> {
        let index = self.0.load(Relaxed);
        scope
            .world
            .point(index as usize)
            .and_then(|handlers| handlers.downcast_ref())
            .ok_or_else(|| undeclared(name))
    }
}

#[cold]
fn undeclared(name: &str) -> Error {
    Error::new(
        code::UNKNOWN_POINT,
        format!("the point `{name}` is not known to this chassis"),
    )
    .with_help("put `#[extension_point]` on its static")
}

/// The last words of a type's name: `Price` rather than `shop::pricing::Price`.
pub(crate) fn short_type_name<T: ?Sized>() -> &'static str {
    let name = std::any::type_name::<T>();
    if name.contains('<') {
        return name;
    }
    name.rsplit("::").next().unwrap_or(name)
}
