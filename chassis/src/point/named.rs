//! Points that are known by name only: declared at run time, with JSON as their payload.

use super::{
    Contributed, DeclaredPoint, Index, PointInfo, PointKind, Provided, Told,
    action::{self, Actions},
    call_point::{self, Calls},
    filter::{self, Filters, OnFailure},
    provider::{self, Providers},
};
use crate::{
    error::{Error, Result, code},
    scope::Scope,
};
use serde_json::Value;
use std::{any::Any, convert::Infallible, sync::Arc};

/// The declaration of a point at run time: its payload is JSON.
///
/// ```
/// use chassis::prelude::*;
///
/// /// Declares a point whose name is only known when the service runs.
/// #[plugin]
/// async fn transformer(cx: &mut PluginContext) -> Result<()> {
///     cx.declare(PointSpec::filter("data.transform").description("changes data before it is stored"))?;
///     cx.get("/transform", async |scope: Scope| -> Result<Json<serde_json::Value>> {
///         let value = serde_json::json!({ "data": 1 });
///         Ok(Json(scope.point("data.transform").filter(value).await?))
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct PointSpec {
    pub(crate) name: Arc<str>,
    kind: PointKind,
    description: String,
    schema: Option<Value>,
    fail_open: bool,
}

impl PointSpec {
    fn new(name: impl Into<Arc<str>>, kind: PointKind) -> Self {
        Self {
            name: name.into(),
            kind,
            description: String::new(),
            schema: None,
            fail_open: false,
        }
    }

    /// A filter point of this name.
    pub fn filter(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, PointKind::Filter)
    }

    /// An action point of this name.
    pub fn action(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, PointKind::Action)
    }

    /// A provider point of this name.
    pub fn provider(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, PointKind::Provider)
    }

    /// A call point of this name.
    pub fn call(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, PointKind::Call)
    }

    /// Says what it is for.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Tells contributors what the payload looks like. It is shown, not enforced.
    #[must_use]
    pub fn schema(mut self, schema: Value) -> Self {
        self.schema = Some(schema);
        self
    }

    /// When a handler of a filter fails, go on with the value as it was before that handler.
    #[must_use]
    pub fn fail_open(mut self) -> Self {
        self.fail_open = true;
        self
    }
}

/// A point declared at run time.
#[derive(Debug)]
pub(crate) struct NamedPoint {
    pub(crate) spec: PointSpec,
    pub(crate) origin: Arc<str>,
}

impl DeclaredPoint for NamedPoint {
    fn info(&self) -> PointInfo {
        let PointSpec {
            name,
            kind,
            description,
            schema,
            fail_open,
        } = &self.spec;
        PointInfo {
            name: Arc::clone(name),
            kind: *kind,
            description: description.clone(),
            payload: "JSON",
            answer: if *kind == PointKind::Action {
                "()"
            } else {
                "JSON"
            },
            schema: schema.clone(),
            on_failure: match kind {
                PointKind::Filter if *fail_open => "open, restored",
                PointKind::Filter | PointKind::Call => "closed",
                PointKind::Action => "isolated",
                PointKind::Provider => "reported",
            },
            sealed: false,
            origin: Arc::clone(&self.origin),
        }
    }

    fn index(&self) -> Option<&Index> {
        None
    }

    fn assemble(&self, handlers: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>> {
        let name = &*self.spec.name;
        Ok(match self.spec.kind {
            PointKind::Filter => {
                let failure = if self.spec.fail_open {
                    OnFailure::Restored(Value::clone)
                } else {
                    OnFailure::Closed
                };
                Box::new(filter::assemble::<Value, Infallible>(
                    name, handlers, failure, None,
                )?)
            }
            PointKind::Action => Box::new(action::assemble::<Value>(name, handlers, None)?),
            PointKind::Provider => {
                Box::new(provider::assemble::<Value, Value>(name, handlers, None)?)
            }
            PointKind::Call => {
                Box::new(call_point::assemble::<Value, Value>(name, handlers, None)?)
            }
        })
    }
}

/// A point declared at run time, in a scope: see [`Scope::point`].
#[derive(Clone, Copy, Debug)]
pub struct ScopePoint<'a> {
    name: &'a str,
    scope: &'a Scope,
}

impl Scope {
    /// The point of this name that was declared at run time, with [`Contributions::declare`](crate::Contributions::declare).
    pub fn point<'a>(&'a self, name: &'a str) -> ScopePoint<'a> {
        ScopePoint { name, scope: self }
    }
}

impl ScopePoint<'_> {
    /// Sends a value through the handlers of a filter point.
    ///
    /// # Errors
    ///
    /// If there is no such point, it is of another kind, or a handler failed and the point fails closed.
    pub async fn filter(self, value: Value) -> Result<Value> {
        let filters: &Filters<Value, Infallible> = self.handlers()?;
        filters.apply(value, self.scope.cause()).await
    }

    /// Tells all handlers of an action point.
    ///
    /// # Errors
    ///
    /// If there is no such point, or it is of another kind.
    pub async fn run(self, value: &Value) -> Result<Told> {
        let actions: &Actions<Value> = self.handlers()?;
        Ok(actions.run(value, self.scope.cause()).await)
    }

    /// Asks all handlers of a provider point.
    ///
    /// # Errors
    ///
    /// If there is no such point, or it is of another kind.
    pub async fn ask(self, question: &Value) -> Result<Provided<Value>> {
        let providers: &Providers<Value, Value> = self.handlers()?;
        Ok(providers.run(question, self.scope.cause()).await.into())
    }

    /// Asks the handlers of a call point, in order, until one has an answer.
    ///
    /// # Errors
    ///
    /// If there is no such point, it is of another kind, the handler failed, or nobody has an answer.
    pub async fn call(self, question: &Value) -> Result<Value> {
        let calls: &Calls<Value, Value> = self.handlers()?;
        calls
            .run_first(self.name, question, self.scope.cause())
            .await
    }

    /// Asks the handler of this plugin at a call point.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call), or if the plugin has no handler there.
    pub async fn call_named(self, plugin: &str, question: &Value) -> Result<Value> {
        let calls: &Calls<Value, Value> = self.handlers()?;
        calls
            .run_named(self.name, plugin, question, self.scope.cause())
            .await
    }

    fn handlers<H: 'static>(&self) -> Result<&H> {
        let world = &self.scope.world;
        let handlers = world.point_named(self.name).ok_or_else(|| {
            if world.has_point(self.name) {
                let message = format!("the extension point `{}` is typed", self.name);
                return Error::new(code::POINT_MISMATCH, message)
                    .with_help("use the static that declares it");
            }
            let message = format!("there is no extension point `{}`", self.name);
            Error::new(code::UNKNOWN_POINT, message)
                .with_help("a plugin declares one with `cx.declare(..)` in `init`")
        })?;
        handlers.downcast_ref().ok_or_else(|| {
            let message = format!("the extension point `{}` is of another kind", self.name);
            Error::new(code::POINT_MISMATCH, message)
                .with_help("`GET /extension-points` shows the kind of each point")
        })
    }
}
