//! The gate before routes that are not for everybody: who it is (`auth.authenticate`), whether it may (`auth.authorize`), and whether it has the
//! scopes.
//!
//! It is closed unless somebody opens it: where nobody stands at `auth.authenticate` who is alive, where somebody there or at
//! `auth.authorize` fails, panics or takes too long, the handler is not called.

use crate::{
    auth::{Access, AuthQuestion, Authentication, Principal, Wanted},
    call::BoxFuture,
    error::{Error, code},
    http::{
        Admitted, Asked, Gate, Refusal, RequestContext, Response, RouteContribution, RouteInfo,
        RoutePattern,
    },
    info::PluginInfo,
    point::Flow,
    points::{self, Denied},
    text,
};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{HeaderValue, Method, request::Parts};
use std::sync::Arc;

/// Whether routes are shut that do not say who may call them.
///
/// That a linked plugin shuts them is known of its type, so they stay shut where it is disabled, or could not be built; which of
/// them it leaves open, only the instance knows.
#[derive(Clone)]
pub(crate) struct Door {
    is_shut: bool,
    open: Arc<[RoutePattern]>,
}

/// What a route asks for.
struct RouteGate(Wanted);

/// Before all that mounted routers answer: nobody can look into one, so it is the path of the request that counts.
struct MountedGate(Arc<[RoutePattern]>);

impl Door {
    /// `known` are all plugins, whether they run or not.
    pub(crate) fn new<'a>(
        mut known: impl Iterator<Item = &'a PluginInfo>,
        open: Arc<[RoutePattern]>,
    ) -> Self {
        Self {
            is_shut: known.any(|info| info.shuts_routes),
            open,
        }
    }

    /// The gate before a route; none if it is for everybody.
    pub(crate) fn before(&self, route: &RouteInfo) -> Option<Arc<dyn Gate>> {
        let (scopes, roles) = (route.scopes(), route.roles());
        if scopes.is_none() && roles.is_none() {
            let is_open = |open: &RoutePattern| open.is_route(&route.method, &route.path);
            if !self.is_shut || route.is_public() || self.open.iter().any(is_open) {
                return None;
            }
        }
        Some(Arc::new(RouteGate(Wanted {
            scopes: scopes.unwrap_or_default().to_vec(),
            roles: roles.unwrap_or_default().to_vec(),
        })))
    }

    /// The gate before mounted routers.
    pub(crate) fn before_mounted(&self) -> Option<Arc<dyn Gate>> {
        self.is_shut
            .then(|| Arc::new(MountedGate(Arc::clone(&self.open))) as Arc<dyn Gate>)
    }

    /// Whether what a mounted router answers there is for callers who are known.
    pub(crate) fn is_before_mounted(&self, method: &Method, path: &str) -> bool {
        self.is_shut && !self.open.iter().any(|open| open.is_path(method, path))
    }

    /// What is left open and matches no route: perhaps it is misspelt. (Those of mounted routers nobody knows.)
    pub(crate) fn warn_of_unmatched(&self, routes: &[RouteContribution]) {
        for open in &*self.open {
            let matches =
                |route: &RouteContribution| open.is_route(&route.info.method, &route.info.path);
            if !routes.iter().any(matches) {
                tracing::warn!(
                    route = %open,
                    "a route is to be open for everybody, and there is none such (those of mounted routers do not count)"
                );
            }
        }
    }
}

impl Gate for RouteGate {
    fn admit(&self, asked: Asked) -> BoxFuture<'_, Admitted> {
        Box::pin(async { admit(asked, &self.0).await.map(Some) })
    }
}

impl Gate for MountedGate {
    fn admit(&self, asked: Asked) -> BoxFuture<'_, Admitted> {
        Box::pin(async {
            let AuthQuestion { method, path, .. } = &asked.question;
            let method = method.parse().unwrap_or_default();
            if self.0.iter().any(|open| open.is_path(&method, path)) {
                return Ok(None);
            }
            admit(asked, &Wanted::default()).await.map(Some)
        })
    }
}

async fn admit(asked: Asked, wanted: &Wanted) -> Result<Arc<Principal>, Refusal> {
    let principal = match &asked.principal {
        Some(known) => Principal::clone(known),
        None => authenticate(&asked).await?,
    };
    let mut access = Access::new(&asked.question, principal, wanted);
    let allowed = points::AUTHORIZE.apply_flow(&asked.scope, &mut access);
    if let Flow::Answer(Denied(reason)) = allowed.await? {
        return Err(Error::new(code::AUTH_DENIED, reason).into());
    }
    let Access { principal, .. } = access;
    let Wanted { scopes, roles } = wanted;
    let missing = scopes.iter().filter(|scope| !principal.has_scope(scope));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    let subject = &principal.subject;
    if !missing.is_empty() {
        let missing = text::quoted(missing);
        let message = format!("`{subject}` does not have the scopes that this needs: {missing}");
        return Err(Error::new(code::MISSING_SCOPE, message).into());
    }
    if !roles.is_empty() && !roles.iter().any(|role| principal.has_role(role)) {
        let roles = text::quoted(roles.iter().map(String::as_str));
        let message = format!("`{subject}` has none of the roles that this needs: {roles}");
        return Err(Error::new(code::AUTH_DENIED, message).into());
    }
    Ok(Arc::new(principal))
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
        let principal = admit(asked, &Wanted::default()).await?;
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
