//! Bridges: how a payload crosses a boundary.

use super::{Ask, AsyncFilter, End, FilterFn, Flow, Tell};
use crate::{
    call::{BoxFuture, Call},
    error::{Error, Result, code},
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{convert::Infallible, sync::Arc};

/// How a payload is shown as JSON, and how a changed JSON is put back into it.
pub struct Bridge<T> {
    schema: fn() -> Value,
    view: fn(&T) -> Result<Value>,
    patch: fn(&mut T, Value) -> Result<()>,
}

impl<T> Clone for Bridge<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Bridge<T> {}

impl<T: Serialize + DeserializeOwned + JsonSchema> Bridge<T> {
    /// The bridge of a type that serde knows: the whole value goes over, the whole value comes back.
    pub const JSON: Self = Self {
        schema: || schemars::schema_for!(T).to_value(),
        view: |value| serde_json::to_value(value).map_err(Error::from),
        patch: |value, json| {
            *value = from_json(json)?;
            Ok(())
        },
    };
}

fn from_json<T: DeserializeOwned>(json: Value) -> Result<T> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let message = format!("what came back is not the payload of this point: {error}");
        Error::new(code::POINT_MISMATCH, message)
    })
}

impl<T> Bridge<T> {
    pub(super) fn schema(&self) -> Value {
        (self.schema)()
    }
}

impl<T: Send + 'static> Bridge<T> {
    pub(super) fn filter<A: 'static>(
        self,
        handler: FilterFn<Value, Infallible>,
    ) -> Arc<dyn AsyncFilter<T, A>> {
        Arc::new(Bridged {
            bridge: self,
            handler,
        })
    }
}

impl<T: Send + Sync + 'static> Bridge<T> {
    pub(super) fn tell(self, handler: Arc<dyn Tell<Value>>) -> Arc<dyn Tell<T>> {
        Arc::new(Bridged {
            bridge: self,
            handler,
        })
    }

    pub(super) fn ask<R: Send + 'static>(
        self,
        handler: Arc<dyn Ask<Value, Value>>,
        answer: Bridge2<R>,
    ) -> Arc<dyn Ask<T, R>> {
        Arc::new(Bridged {
            bridge: (self, answer),
            handler,
        })
    }

    pub(super) fn ask_one<R: Send + 'static>(
        self,
        handler: Arc<dyn Ask<Value, Option<Value>>>,
        answer: Bridge2<R>,
    ) -> Arc<dyn Ask<T, Option<R>>> {
        Arc::new(Bridged {
            bridge: (self, answer),
            handler,
        })
    }
}

/// How an answer comes back.
pub(crate) type Bridge2<R> = fn(Value) -> Result<R>;

pub(super) const fn answer<R: DeserializeOwned>() -> Bridge2<R> {
    from_json::<R>
}

/// A handler of JSON, behind a bridge.
struct Bridged<B, H> {
    bridge: B,
    handler: H,
}

impl<T: Send + 'static, A> AsyncFilter<T, A> for Bridged<Bridge<T>, FilterFn<Value, Infallible>> {
    fn call<'a>(&'a self, value: &'a mut T, call: &'a Call<'a>) -> BoxFuture<'a, Result<Flow<A>>> {
        Box::pin(async move {
            let mut json = (self.bridge.view)(value)?;
            let flow = match &self.handler {
                FilterFn::Sync(handler) => handler.call(&mut json),
                FilterFn::Async(handler) => End::of(handler.call(&mut json, call).await),
            };
            match flow.map_err(|end| *end) {
                Ok(()) => (self.bridge.patch)(value, json)?,
                Err(End::Failed(error)) => return Err(error),
                Err(End::Answer(never)) => match never {},
            }
            Ok(Flow::Continue)
        })
    }
}

impl<T: Send + Sync + 'static> Tell<T> for Bridged<Bridge<T>, Arc<dyn Tell<Value>>> {
    fn call<'a>(&'a self, value: &'a T, call: &'a Call<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let json = (self.bridge.view)(value)?;
            self.handler.call(&json, call).await
        })
    }
}

impl<Q: Sync + 'static, R: Send + 'static> Ask<Q, R>
    for Bridged<(Bridge<Q>, Bridge2<R>), Arc<dyn Ask<Value, Value>>>
{
    fn call<'a>(&'a self, question: &'a Q, call: &'a Call<'a>) -> BoxFuture<'a, Result<R>> {
        Box::pin(async move {
            let json = (self.bridge.0.view)(question)?;
            (self.bridge.1)(self.handler.call(&json, call).await?)
        })
    }
}

impl<Q: Sync + 'static, R: Send + 'static> Ask<Q, Option<R>>
    for Bridged<(Bridge<Q>, Bridge2<R>), Arc<dyn Ask<Value, Option<Value>>>>
{
    fn call<'a>(&'a self, question: &'a Q, call: &'a Call<'a>) -> BoxFuture<'a, Result<Option<R>>> {
        Box::pin(async move {
            let json = (self.bridge.0.view)(question)?;
            self.handler
                .call(&json, call)
                .await?
                .map(self.bridge.1)
                .transpose()
        })
    }
}
