//! The gate before routes with scopes: who it is (`auth.authenticate`), whether it may (`auth.authorize`), and whether it has the
//! scopes.
//!
//! It is closed unless somebody opens it: where nobody stands at `auth.authenticate` who is alive, where somebody there or at
//! `auth.authorize` fails, panics or takes too long, the handler is not called.

use crate::{
    auth::{Access, Authentication, Principal},
    call::BoxFuture,
    error::{Error, code},
    http::{Asked, Gate, Refusal, RequestContext, Response, RouteInfo},
    point::Flow,
    points::{self, Denied},
    text,
};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{HeaderValue, request::Parts};
use std::sync::Arc;

/// What a route asks for.
struct RouteGate {
    scopes: Vec<String>,
}

/// The gate before a route; none if it is for everybody.
pub(crate) fn before(route: &RouteInfo) -> Option<Arc<dyn Gate>> {
    let scopes = route.scopes()?.to_vec();
    Some(Arc::new(RouteGate { scopes }))
}

impl Gate for RouteGate {
    fn admit(&self, asked: Asked) -> BoxFuture<'_, Result<Arc<Principal>, Refusal>> {
        Box::pin(admit(asked, &self.scopes))
    }
}

async fn admit(asked: Asked, scopes: &[String]) -> Result<Arc<Principal>, Refusal> {
    let principal = match &asked.principal {
        Some(known) => Principal::clone(known),
        None => authenticate(&asked).await?,
    };
    let mut access = Access::new(&asked.question, principal, scopes);
    let allowed = points::AUTHORIZE.apply_flow(&asked.scope, &mut access);
    if let Flow::Answer(Denied(reason)) = allowed.await? {
        return Err(Error::new(code::AUTH_DENIED, reason).into());
    }
    let missing = scopes
        .iter()
        .filter(|scope| !access.principal.has_scope(scope));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(Arc::new(access.principal));
    }
    let subject = &access.principal.subject;
    let missing = text::quoted(missing);
    let message = format!("`{subject}` does not have the scopes that this needs: {missing}");
    Err(Error::new(code::MISSING_SCOPE, message).into())
}

/// Asks in order, until somebody knows who it is, or knows that the credentials are wrong.
async fn authenticate(asked: &Asked) -> Result<Principal, Refusal> {
    let Asked {
        scope, question, ..
    } = asked;
    let mut all = points::AUTHENTICATE.entries(scope)?;
    all.retain(|(_, site)| !site.is_gone());
    if all.is_empty() {
        let message = "nobody is there who could find out who the caller is";
        return Err(Error::new(code::AUTH_UNAVAILABLE, message).into());
    }
    let mut challenges = Vec::new();
    for (handler, site) in all {
        let call = site.call(scope.cause());
        let answer = site
            .run(async { handler.call(question, &call).await })
            .await;
        match answer {
            Ok(Some(Authentication::Principal(principal))) => return Ok(principal),
            Ok(Some(Authentication::Missing { challenge })) => challenges.push(value(&challenge)),
            Ok(Some(Authentication::Refused { challenge })) => {
                let message = "the credentials of the request are wrong";
                let error = Error::new(code::UNAUTHORIZED, message);
                return Err(Refusal::unknown(error, vec![value(&challenge)]));
            }
            Ok(None) => {}
            // A plugin may say it by its error, as well.
            Err(error) if error.code() == code::UNAUTHORIZED => {
                challenges.push(ANY);
                return Err(Refusal::unknown(error, challenges));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if challenges.is_empty() {
        challenges.push(ANY);
    }
    let message = "the request does not say who the caller is";
    let error = Error::new(code::UNAUTHORIZED, message);
    Err(Refusal::anonymous(error, challenges))
}

/// There has to be one, also where nobody has named one.
const ANY: HeaderValue = HeaderValue::from_static("Bearer");

fn value(challenge: &str) -> HeaderValue {
    HeaderValue::from_str(challenge).unwrap_or(ANY)
}

/// Who it is, for a handler: from the gate before its route, or else found out now, and once.
async fn known(parts: &Parts) -> Result<Principal, Refusal> {
    let cx = RequestContext::of(parts)?;
    if cx.principal.get().is_none() {
        let asked = Asked::of(cx, parts);
        let principal = admit(asked, &[]).await?;
        _ = cx.principal.set(principal);
    }
    let known = cx.principal.get().map(|known| Principal::clone(known));
    known.ok_or_else(|| Error::msg("who the caller is was forgotten").into())
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        known(parts).await.map_err(|refusal| refusal.response())
    }
}

/// `None` where the request does not say who the caller is; what is wrong is refused all the same.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        match known(parts).await {
            Ok(principal) => Ok(Some(principal)),
            Err(refusal) if refusal.is_anonymous() => Ok(None),
            Err(refusal) => Err(refusal.response()),
        }
    }
}
