//! Provider points: each handler gives something.

use super::{
    Ask, Bridge, Contributed, DeclaredPoint, Entry, Index, PointInfo, PointKind, bridge::Bridge2,
};
use crate::{
    call::Site,
    cause::Cause,
    error::{Error, Result},
    scope::Scope,
};
use futures_util::future::join_all;
use serde_json::Value;
use std::{any::Any, sync::Arc, time::Duration};

/// A named place where each handler gives a `T`, and the caller gets the list.
///
/// ```
/// use chassis::prelude::*;
///
/// /// Shops near a postal code.
/// #[extension_point]
/// pub static SHOPS: ProviderPoint<String, u32> = ProviderPoint::new("shop.near");
///
/// async fn shops(scope: Scope) -> String {
///     let provided = SHOPS.ask(&scope, &90_210).await;
///     provided.values().cloned().collect::<Vec<_>>().join(", ")
/// }
/// ```
pub struct ProviderPoint<T: 'static, Q: 'static = ()> {
    pub(crate) name: &'static str,
    bridge: Option<(Bridge<Q>, Bridge2<T>)>,
    deadline: Option<Duration>,
    index: Index,
}

/// What one handler gave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer<T> {
    /// Whose handler it is.
    pub plugin: Arc<str>,
    /// What it gave.
    pub value: T,
}

/// What all handlers gave, in order, and the failures beside it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Provided<T> {
    /// What was given, in order.
    pub answers: Vec<Answer<T>>,
    /// The errors of those that failed, each with its plugin.
    pub failed: Vec<Error>,
}

/// What each handler gave or failed with, in order, with the place it was called at.
pub(super) type Each<'a, T> = Vec<(&'a Arc<Site>, Result<T>)>;

impl<T> From<Each<'_, T>> for Provided<T> {
    fn from(all: Each<'_, T>) -> Self {
        let mut provided = Self {
            answers: Vec::with_capacity(all.len()),
            failed: Vec::new(),
        };
        for (site, answer) in all {
            match answer {
                Ok(value) => provided.answers.push(Answer {
                    plugin: Arc::clone(&site.plugin),
                    value,
                }),
                Err(error) => provided.failed.push(error),
            }
        }
        provided
    }
}

impl<T> Provided<T> {
    /// Only what was given.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.answers.iter().map(|answer| &answer.value)
    }
}

impl<T: Send + 'static, Q: Send + Sync + 'static> ProviderPoint<T, Q> {
    /// A point of this name: dotted lower-case words. Each handler may take 5 s.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            bridge: None,
            deadline: super::handler::DEADLINE,
            index: Index::new(),
        }
    }

    /// Gives question and answer a JSON form, so that plugins can contribute by name, and from other processes.
    #[must_use]
    pub const fn json(mut self) -> Self
    where
        T: serde::de::DeserializeOwned,
        Q: serde::Serialize + serde::de::DeserializeOwned + schemars::JsonSchema,
    {
        self.bridge = Some((Bridge::JSON, super::bridge::answer::<T>()));
        self
    }

    /// How long each handler may take, unless its contribution says otherwise.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Asks all handlers at once, and waits until each has answered, failed or run out of time.
    pub async fn ask(&'static self, scope: &Scope, question: &Q) -> Provided<T> {
        match self.index.handlers::<Providers<T, Q>>(self.name, scope) {
            Ok(providers) if providers.entries.is_empty() => Provided {
                answers: Vec::new(),
                failed: Vec::new(),
            },
            Ok(providers) => providers.run(question, scope.cause()).await.into(),
            Err(error) => Provided {
                answers: Vec::new(),
                failed: vec![error],
            },
        }
    }

    /// What each handler gave or failed with, in order, with whose it is: an error may name somebody else, whom that one
    /// has asked in turn.
    pub(crate) async fn ask_each(
        &'static self,
        scope: &Scope,
        question: &Q,
    ) -> Result<Vec<(Arc<str>, Result<T>)>> {
        let providers = self.index.handlers::<Providers<T, Q>>(self.name, scope)?;
        let all = providers.run(question, scope.cause()).await;
        let named = |(site, answer): (&Arc<Site>, _)| (Arc::clone(&site.plugin), answer);
        Ok(all.into_iter().map(named).collect())
    }

    /// What stands at it in that scope, in order.
    pub(crate) fn entries(&'static self, scope: &Scope) -> Result<Placed<T, Q>> {
        let providers = self.index.handlers::<Providers<T, Q>>(self.name, scope)?;
        let entries = providers.entries.iter();
        Ok(entries
            .map(|entry| (Arc::clone(&entry.handler), Arc::clone(&entry.site)))
            .collect())
    }

    /// Whether nobody would be asked.
    pub(crate) fn is_idle(&'static self, scope: &Scope) -> bool {
        let providers = self.index.handlers::<Providers<T, Q>>(self.name, scope);
        providers.is_ok_and(|providers| providers.entries.is_empty())
    }

    pub(crate) const fn default_deadline(&self) -> Option<Duration> {
        self.deadline
    }
}

impl<T: Send + 'static, Q: Send + Sync + 'static> DeclaredPoint for ProviderPoint<T, Q> {
    fn info(&self) -> PointInfo {
        PointInfo {
            name: self.name.into(),
            kind: PointKind::Provider,
            description: String::new(),
            payload: super::short_type_name::<Q>(),
            answer: super::short_type_name::<T>(),
            schema: self.bridge.as_ref().map(|(question, _)| question.schema()),
            on_failure: "reported",
            sealed: false,
            origin: "".into(),
        }
    }

    fn index(&self) -> Option<&Index> {
        Some(&self.index)
    }

    fn assemble(&self, handlers: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(assemble::<T, Q>(
            self.name,
            handlers,
            self.bridge,
        )?))
    }
}

/// A handler at a provider point.
pub(crate) type ProvideFn<T, Q> = Arc<dyn Ask<Q, T>>;

/// What stands at a provider point, in order, each with where it is called.
type Placed<T, Q> = Vec<(ProvideFn<T, Q>, Arc<Site>)>;

/// The handlers at a provider point, in order.
pub(crate) struct Providers<T, Q> {
    entries: Box<[Entry<ProvideFn<T, Q>>]>,
}

pub(super) fn assemble<T: Send + 'static, Q: Send + Sync + 'static>(
    point: &str,
    handlers: Vec<Contributed>,
    bridge: Option<(Bridge<Q>, Bridge2<T>)>,
) -> Result<Providers<T, Q>> {
    let by_json = bridge.map(|(question, answer)| {
        move |json: &ProvideFn<Value, Value>| question.ask(Arc::clone(json), answer)
    });
    let by_json = by_json
        .as_ref()
        .map(|by_json| by_json as &dyn Fn(&_) -> ProvideFn<T, Q>);
    Ok(Providers {
        entries: super::typed(point, handlers, by_json)?.into(),
    })
}

impl<T: Send, Q: Sync> Providers<T, Q> {
    pub(super) async fn run(&self, question: &Q, cause: &Cause) -> Each<'_, T> {
        let calls = self
            .entries
            .iter()
            .map(|Entry { handler, site, .. }| async move {
                let call = site.call(cause);
                let answer = site
                    .run(async { handler.call(question, &call).await })
                    .await;
                let answer = answer.inspect_err(|error| site.skip(error));
                (site, answer)
            });
        join_all(calls).await
    }
}
