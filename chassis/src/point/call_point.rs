//! Call points: one handler answers.

use super::{
    Ask, Bridge, Contributed, DeclaredPoint, Entry, Index, PointInfo, PointKind, bridge::Bridge2,
};
use crate::{
    call::Site,
    cause::Cause,
    error::{Error, Result, code},
    scope::Scope,
    text,
};
use serde_json::Value;
use std::{
    any::Any,
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How the handler is chosen that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Selection<'a> {
    /// In order, the first that has an answer.
    First,
    /// The one with the fewest calls under way; the next such one if it has no answer.
    Balanced,
    /// That of this plugin.
    Named(&'a str),
}

/// A named place where one handler answers: the first that has an answer, the one that is asked for by name, or
/// the least loaded.
///
/// A handler that has no answer returns `None`. A handler that *fails* ends the call: it is not passed over.
///
/// ```
/// use chassis::prelude::*;
///
/// /// Looks a text up.
/// #[extension_point]
/// pub static CACHE: CallPoint<String, String> = CallPoint::new("shop.cache");
///
/// async fn cached(scope: Scope, key: String) -> Result<String> {
///     CACHE.call(&scope, &key).retry(1).fallback(String::new()).run().await
/// }
/// ```
pub struct CallPoint<Q: 'static, R: 'static> {
    pub(crate) name: &'static str,
    balanced: bool,
    bridge: Option<(Bridge<Q>, Bridge2<R>)>,
    deadline: Option<Duration>,
    index: Index,
}

impl<Q: Send + Sync + 'static, R: Send + 'static> CallPoint<Q, R> {
    /// A point of this name: dotted lower-case words. The first handler that has an answer gives it; each may
    /// take 5 s.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            balanced: false,
            bridge: None,
            deadline: super::handler::DEADLINE,
            index: Index::new(),
        }
    }

    /// Asks the handler with the fewest calls under way first, rather than the first in order.
    #[must_use]
    pub const fn balanced(mut self) -> Self {
        self.balanced = true;
        self
    }

    /// Gives question and answer a JSON form, so that plugins can contribute by name, and from other processes.
    #[must_use]
    pub const fn json(mut self) -> Self
    where
        Q: serde::Serialize + serde::de::DeserializeOwned + schemars::JsonSchema,
        R: serde::de::DeserializeOwned,
    {
        self.bridge = Some((Bridge::JSON, super::bridge::answer::<R>()));
        self
    }

    /// How long each handler may take, unless its contribution says otherwise.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    pub(crate) const fn default_deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// What stands at it in that scope, in order, each with where it is called.
    pub(crate) fn entries(&'static self, scope: &Scope) -> Result<Placed<Q, R>> {
        let calls = self.index.handlers::<Calls<Q, R>>(self.name, scope)?;
        let entries = calls.entries.iter();
        Ok(entries
            .map(|entry| (Arc::clone(&entry.handler), Arc::clone(&entry.site)))
            .collect())
    }

    /// Prepares a call; [`run`](Calling::run) makes it.
    pub fn call<'a>(&'static self, scope: &'a Scope, question: &'a Q) -> Calling<'a, Q, R> {
        let selection = if self.balanced {
            Selection::Balanced
        } else {
            Selection::First
        };
        Calling {
            point: self,
            scope,
            question,
            selection,
            retries: 0,
            fallback: None,
            last_good: None,
        }
    }
}

/// A call that is about to be made.
#[must_use = "a call is made by `run`"]
pub struct Calling<'a, Q: 'static, R: 'static> {
    point: &'static CallPoint<Q, R>,
    scope: &'a Scope,
    question: &'a Q,
    selection: Selection<'a>,
    retries: u32,
    fallback: Option<R>,
    last_good: Option<LastGood<'a, R>>,
}

struct LastGood<'a, R> {
    key: &'a str,
    max_age: Duration,
    copy: fn(&R) -> R,
}

impl<'a, Q: Send + Sync + 'static, R: Send + 'static> Calling<'a, Q, R> {
    /// Asks the handler of this plugin, and no other.
    pub fn named(mut self, plugin: &'a str) -> Self {
        self.selection = Selection::Named(plugin);
        self
    }

    /// Calls again, up to this many times, if the error says that it is retryable. Between two tries it waits
    /// 50 ms, then twice as long each time.
    pub fn retry(mut self, times: u32) -> Self {
        self.retries = times;
        self
    }

    /// The answer if nobody has one, or the call failed.
    pub fn fallback(mut self, value: R) -> Self {
        self.fallback = Some(value);
        self
    }

    /// If the call fails, the last answer that was got under this key, if it is not older than `max_age`. At
    /// most 1,024 keys are kept; they end with the generation.
    pub fn last_good(mut self, key: &'a str, max_age: Duration) -> Self
    where
        R: Clone,
    {
        self.last_good = Some(LastGood {
            key,
            max_age,
            copy: R::clone,
        });
        self
    }

    /// Makes the call.
    ///
    /// # Errors
    ///
    /// If the handler failed, nobody had an answer, or there is no plugin of that name, and there is no fallback.
    pub async fn run(self) -> Result<R> {
        let calls: &Calls<Q, R> = self.point.index.handlers(self.point.name, self.scope)?;
        let cause = self.scope.cause();
        let mut wait = Duration::from_millis(50);
        let mut retries = self.retries;
        let error = loop {
            match calls
                .run(self.point.name, self.selection, self.question, cause)
                .await
            {
                Ok(answer) => {
                    if let Some(LastGood { key, copy, .. }) = self.last_good {
                        calls.remember(key, copy(&answer));
                    }
                    return Ok(answer);
                }
                Err(error) if error.is_retryable() && retries > 0 => {
                    retries -= 1;
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                Err(error) => break error,
            }
        };
        let last_good = self
            .last_good
            .as_ref()
            .and_then(|last_good| calls.recall(last_good));
        match last_good.or(self.fallback) {
            Some(value) => {
                tracing::warn!(point = self.point.name, error = %error.report(), "call failed, fallback used");
                Ok(value)
            }
            None => Err(error),
        }
    }
}

impl<Q: Send + Sync + 'static, R: Send + 'static> DeclaredPoint for CallPoint<Q, R> {
    fn info(&self) -> PointInfo {
        PointInfo {
            name: self.name.into(),
            kind: PointKind::Call,
            description: String::new(),
            payload: super::short_type_name::<Q>(),
            answer: super::short_type_name::<R>(),
            schema: self.bridge.as_ref().map(|(question, _)| question.schema()),
            on_failure: "closed",
            sealed: false,
            origin: "".into(),
        }
    }

    fn index(&self) -> Option<&Index> {
        Some(&self.index)
    }

    fn assemble(&self, handlers: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(assemble::<Q, R>(
            self.name,
            handlers,
            self.bridge,
        )?))
    }
}

/// A handler at a call point.
pub(crate) type CallFn<Q, R> = Arc<dyn Ask<Q, Option<R>>>;

/// What stands at a call point, in order, each with where it is called.
type Placed<Q, R> = Vec<(CallFn<Q, R>, Arc<Site>)>;

/// The handlers at a call point, in order.
pub(crate) struct Calls<Q, R> {
    entries: Box<[Entry<CallFn<Q, R>>]>,
    good: Mutex<HashMap<String, (Instant, R)>>,
}

pub(super) fn assemble<Q: Send + Sync + 'static, R: Send + 'static>(
    point: &str,
    handlers: Vec<Contributed>,
    bridge: Option<(Bridge<Q>, Bridge2<R>)>,
) -> Result<Calls<Q, R>> {
    let by_json = bridge.map(|(question, answer)| {
        move |json: &CallFn<Value, Value>| question.ask_one(Arc::clone(json), answer)
    });
    let by_json = by_json
        .as_ref()
        .map(|by_json| by_json as &dyn Fn(&_) -> CallFn<Q, R>);
    let entries = super::typed(point, handlers, by_json)?.into();
    Ok(Calls {
        entries,
        good: Mutex::default(),
    })
}

impl<Q: Sync, R> Calls<Q, R> {
    async fn run(
        &self,
        point: &str,
        selection: Selection<'_>,
        question: &Q,
        cause: &Cause,
    ) -> Result<R> {
        let mut candidates: Vec<&Entry<CallFn<Q, R>>> = self.entries.iter().collect();
        match selection {
            Selection::First => {}
            Selection::Balanced => candidates.sort_by_key(|entry| entry.site.stats.in_flight()),
            Selection::Named(name) => {
                candidates.retain(|entry| &*entry.site.plugin == name);
                if candidates.is_empty() {
                    return Err(self.unknown(point, name));
                }
            }
        }
        for Entry { handler, site, .. } in candidates {
            let call = site.call(cause);
            if let Some(answer) = site
                .run(async { handler.call(question, &call).await })
                .await?
            {
                return Ok(answer);
            }
        }
        let message = format!("nobody at `{point}` has an answer");
        Err(Error::new(code::NO_ANSWER, message).at(point))
    }

    pub(super) async fn run_first(&self, point: &str, question: &Q, cause: &Cause) -> Result<R> {
        self.run(point, Selection::First, question, cause).await
    }

    pub(super) async fn run_named(
        &self,
        point: &str,
        plugin: &str,
        question: &Q,
        cause: &Cause,
    ) -> Result<R> {
        self.run(point, Selection::Named(plugin), question, cause)
            .await
    }

    fn unknown(&self, point: &str, name: &str) -> Error {
        let known: Vec<&str> = self
            .entries
            .iter()
            .map(|entry| &*entry.site.plugin)
            .collect();
        let message = format!("the plugin `{name}` does not answer at `{point}`");
        Error::new(code::NO_ANSWER, message)
            .at(point)
            .with_help(format!("those that do: {}", text::quoted(known)))
    }

    fn remember(&self, key: &str, answer: R) {
        const MOST: usize = 1_024;
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= MOST && !good.contains_key(key) {
            let oldest = good.iter().min_by_key(|(_, (since, _))| *since);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                good.remove(&oldest);
            }
        }
        good.insert(key.to_owned(), (Instant::now(), answer));
    }

    fn recall(&self, last_good: &LastGood<'_, R>) -> Option<R> {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, answer) = good.get(last_good.key)?;
        (since.elapsed() <= last_good.max_age).then(|| (last_good.copy)(answer))
    }
}
