//! The extractors of the chassis: what a handler can take as an argument, besides all of axum's.

use super::{
    ClientAddr, Exchange, Request, Response, known::Known, params::Params, problem::rejected,
    request::RequestContext,
};
use crate::{
    error::{Error, Result, code},
    request_id::RequestId,
    scope::{Found, Scope},
    text,
};
use axum::{
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts},
    response::IntoResponse,
};
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use std::{any::TypeId, ops::Deref, sync::Arc};

/// The parameters of the path, as a type: one value, a tuple in the order of the path, or a struct by name.
///
/// ```
/// use chassis::prelude::*;
///
/// async fn item(Path((order, line)): Path<(u64, u32)>) -> String {
///     format!("line {line} of order {order}")
/// }
/// ```
///
/// It also works below a mounted axum router. (axum's own `Path` works *only* there.)
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        if let Some(params) = params_of(parts) {
            return Ok(Self(params.read()?));
        }
        let path =
            <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0))
            .map_err(|no| rejected(no.status(), no.body_text()))
    }
}

impl<T: DeserializeOwned + Send> Known for Path<T> {
    fn known(exchange: &Exchange) -> Option<Result<Self>> {
        let params = exchange.cx.params.as_ref()?;
        Some(params.read().map(Self))
    }
}

/// The parameters of a request that the chassis has routed.
fn params_of(parts: &Parts) -> Option<&Params> {
    let cx: &Arc<RequestContext> = parts.extensions.get()?;
    cx.params.as_ref()
}

/// The path of the route as it was declared: `/orders/{id}`. `None` of it where no route matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedPath(Arc<str>);

impl MatchedPath {
    /// The path as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn find(parts: &Parts) -> Option<Self> {
        // Below a mounted router, axum knows more than the chassis does.
        if let Some(path) = parts.extensions.get::<axum::extract::MatchedPath>() {
            return Some(Self(path.as_str().into()));
        }
        let info = parts
            .extensions
            .get::<Arc<RequestContext>>()?
            .handling
            .info
            .as_ref()?;
        Some(Self(Arc::clone(&info.path)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MatchedPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::find(parts).ok_or_else(|| Error::new(code::NOT_FOUND, "no route matched"))
    }
}

impl Known for MatchedPath {
    fn known(exchange: &Exchange) -> Option<Result<Self>> {
        let info = exchange.cx.handling.info.as_ref()?;
        Some(Ok(Self(Arc::clone(&info.path))))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for MatchedPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        Ok(Self::find(parts))
    }
}

/// The parameters of the path as they stand in it, not decoded, in the order of the path.
#[derive(Clone, Debug)]
pub struct RawPathParams(Vec<(String, String)>);

impl RawPathParams {
    fn of<'a>(params: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(params.map(own).collect())
    }

    /// Names and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RawPathParams {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        if let Some(params) = params_of(parts) {
            return Ok(Self::of(params.raw()));
        }
        match axum::extract::RawPathParams::from_request_parts(parts, state).await {
            Ok(params) => Ok(Self::of(params.iter())),
            Err(_) => Ok(Self(Vec::new())),
        }
    }
}

impl Known for RawPathParams {
    fn known(exchange: &Exchange) -> Option<Result<Self>> {
        let params = exchange.cx.params.as_ref()?;
        Some(Ok(Self::of(params.raw())))
    }
}

/// The query of the request as a type; a malformed one is answered with problem details.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|query| Self(query.0))
            .map_err(|no| rejected(no.status(), no.body_text()))
    }
}

/// A JSON body, in a request or a response. A malformed one, one of another media type, or one that is too large
/// is answered with problem details.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let json = axum::Json::<T>::from_request(request, state).await;
        json.map(|json| Self(json.0))
            .map_err(|no| rejected(no.status(), no.body_text()))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// A value that a plugin exported with [`PluginContext::export`](crate::PluginContext::export): that of the
/// route's own plugin, or of one that it requires.
///
/// ```
/// use chassis::prelude::*;
///
/// struct Pool;
///
/// async fn ping(pool: Shared<Pool>) -> &'static str {
///     let _: &Pool = &pool;
///     "pong"
/// }
/// ```
#[derive(Debug)]
pub struct Shared<T>(Arc<T>);

impl<T> Shared<T> {
    /// The value itself. Do not keep it in a plugin: `cx.require` is for that.
    pub fn into_inner(self) -> Arc<T> {
        self.0
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static, S: Send + Sync> FromRequestParts<S> for Shared<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(RequestContext::of(parts)?)
    }
}

impl<T: Send + Sync + 'static> Known for Shared<T> {
    fn known(exchange: &Exchange) -> Option<Result<Self>> {
        Some(Self::of(&exchange.cx))
    }
}

impl<T: Send + Sync + 'static> Shared<T> {
    fn of(cx: &RequestContext) -> Result<Self> {
        let owner = cx.handling.info.as_ref().map_or("", |info| &info.owner);
        let of = std::any::type_name::<T>();
        let error = |message| Error::new(code::NO_EXPORT, message);
        match cx.arrived.scope.world.export(owner, TypeId::of::<T>()) {
            Found::One(value) => {
                let value = value.downcast().map(Self);
                value.map_err(|_| error(format!("`{owner}` has no `{of}`")))
            }
            Found::Several(owners) => {
                let owners = text::quoted(owners.iter().map(|name| &**name));
                Err(error(format!(
                    "a `{of}` is exported by more than one: {owners}"
                )))
            }
            Found::Nothing if owner.is_empty() => Err(error(format!(
                "`Shared<{of}>` is for the routes of plugins; here there is no plugin to ask"
            ))
            .with_help("give a mounted router what it needs with `Router::with_state`")),
            Found::Nothing => Err(error(format!(
                "nothing of type `{of}` is exported by `{owner}` or what it requires"
            ))),
        }
    }
}

macro_rules! from_arrived {
    ($($type:ty: $arrived:ident => $value:expr;)*) => {$(
        impl<S: Send + Sync> FromRequestParts<S> for $type {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
                let $arrived = &RequestContext::of(parts)?.arrived;
                Ok($value)
            }
        }

        impl Known for $type {
            fn known(exchange: &Exchange) -> Option<Result<Self, Error>> {
                let $arrived = &exchange.cx.arrived;
                Some(Ok($value))
            }
        }
    )*};
}

from_arrived! {
    Scope: arrived => arrived.scope.clone();
    RequestId: arrived => arrived.scope.cause().id().clone();
    ClientAddr: arrived => arrived.client;
}
