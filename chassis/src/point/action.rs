//! Action points: all handlers are told.

use super::{Bridge, Contributed, DeclaredPoint, Entry, Index, PointInfo, PointKind, Tell};
use crate::{
    cause::Cause,
    error::{Error, Result},
    scope::Scope,
};
use std::{any::Any, sync::Arc, time::Duration};

/// A named place where all handlers are told something, in order, each isolated from the others.
///
/// ```
/// use chassis::prelude::*;
///
/// /// An order was cancelled; the payload is its number.
/// #[extension_point]
/// pub static CANCELLED: ActionPoint<u64> = ActionPoint::new("shop.cancelled");
///
/// async fn cancel(scope: Scope) {
///     let told = CANCELLED.run(&scope, &7).await;
///     assert!(told.failed.is_empty());
/// }
/// ```
pub struct ActionPoint<T: 'static> {
    pub(crate) name: &'static str,
    bridge: Option<Bridge<T>>,
    deadline: Option<Duration>,
    index: Index,
}

/// What came of telling all handlers.
#[derive(Debug)]
#[non_exhaustive]
pub struct Told {
    /// How many handlers were told.
    pub told: usize,
    /// The errors of those that failed, each with its plugin. They are logged already.
    pub failed: Vec<Error>,
}

impl<T: Send + Sync + 'static> ActionPoint<T> {
    /// A point of this name: dotted lower-case words. Each handler may take 5 s.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            bridge: None,
            deadline: super::handler::DEADLINE,
            index: Index::new(),
        }
    }

    /// Gives the payload a JSON form, so that plugins can contribute by name, and from other processes.
    #[must_use]
    pub const fn json(mut self) -> Self
    where
        T: serde::Serialize + serde::de::DeserializeOwned + schemars::JsonSchema,
    {
        self.bridge = Some(Bridge::JSON);
        self
    }

    /// How long each handler may take, unless its contribution says otherwise.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Tells all handlers, one after the other. The failure of one never stops the others: it is logged,
    /// counted, and listed in the answer.
    pub async fn run(&'static self, scope: &Scope, value: &T) -> Told {
        match self.index.handlers::<Actions<T>>(self.name, scope) {
            Ok(actions) if actions.entries.is_empty() => Told {
                told: 0,
                failed: Vec::new(),
            },
            Ok(actions) => actions.run(value, scope.cause()).await,
            Err(error) => Told {
                told: 0,
                failed: vec![error],
            },
        }
    }

    /// Whether there is nobody to be told.
    pub(crate) fn is_idle(&self, scope: &Scope) -> bool {
        let actions = self.index.handlers::<Actions<T>>(self.name, scope);
        actions.is_ok_and(|actions| actions.entries.is_empty())
    }

    pub(crate) const fn default_deadline(&self) -> Option<Duration> {
        self.deadline
    }
}

impl<T: Send + Sync + 'static> DeclaredPoint for ActionPoint<T> {
    fn info(&self) -> PointInfo {
        PointInfo {
            name: self.name.into(),
            kind: PointKind::Action,
            description: String::new(),
            payload: super::short_type_name::<T>(),
            answer: "()",
            schema: self.bridge.as_ref().map(Bridge::schema),
            on_failure: "isolated",
            sealed: false,
            origin: "".into(),
        }
    }

    fn index(&self) -> Option<&Index> {
        Some(&self.index)
    }

    fn assemble(&self, handlers: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(assemble::<T>(self.name, handlers, self.bridge)?))
    }
}

/// A handler at an action point.
pub(crate) type ActionFn<T> = Arc<dyn Tell<T>>;

/// The handlers at an action point, in order.
pub(crate) struct Actions<T> {
    entries: Box<[Entry<ActionFn<T>>]>,
}

pub(super) fn assemble<T: Send + Sync + 'static>(
    point: &str,
    handlers: Vec<Contributed>,
    bridge: Option<Bridge<T>>,
) -> Result<Actions<T>> {
    let by_json = bridge
        .map(|bridge| move |json: &ActionFn<serde_json::Value>| bridge.tell(Arc::clone(json)));
    let by_json = by_json
        .as_ref()
        .map(|by_json| by_json as &dyn Fn(&_) -> ActionFn<T>);
    Ok(Actions {
        entries: super::typed(point, handlers, by_json)?.into(),
    })
}

impl<T: Send + Sync> Actions<T> {
    pub(super) async fn run(&self, value: &T, cause: &Cause) -> Told {
        let mut failed = Vec::new();
        let here = self.entries.iter().filter(|entry| !entry.site.is_gone());
        let mut told = 0;
        for Entry { handler, site, .. } in here {
            told += 1;
            let call = site.call(cause);
            if let Err(error) = site.run(async { handler.call(value, &call).await }).await {
                site.skip(&error);
                failed.push(error);
            }
        }
        Told { told, failed }
    }
}
