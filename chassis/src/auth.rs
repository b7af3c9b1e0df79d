//! Who a caller is, and whether it may: what plugins are asked at `auth.authenticate` and `auth.authorize`, and what they say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

mod principal;
mod question;

pub use self::{principal::Principal, question::AuthQuestion};

/// What an authenticator says of a request, if it says anything.
///
/// `None` says nothing: the request is not of its kind, and the next authenticator is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// This is who it is. Nobody else is asked.
    Principal(Principal),
    /// There are no credentials of its kind; these would be: `Bearer realm="orders"`. The others are asked, and if none of them
    /// knows the caller, the challenge is in the answer.
    Missing {
        /// A value of `WWW-Authenticate`.
        challenge: String,
    },
    /// There are credentials of its kind, and they are wrong. Nobody else is asked.
    Refused {
        /// A value of `WWW-Authenticate`: `Bearer error="invalid_token"`.
        challenge: String,
    },
}

impl Authentication {
    /// There are no credentials of this kind.
    pub fn missing(challenge: impl Into<String>) -> Self {
        Self::Missing {
            challenge: challenge.into(),
        }
    }

    /// There are credentials of this kind, and they are wrong.
    pub fn refused(challenge: impl Into<String>) -> Self {
        Self::Refused {
            challenge: challenge.into(),
        }
    }
}

impl From<Principal> for Authentication {
    fn from(principal: Principal) -> Self {
        Self::Principal(principal)
    }
}

/// What somebody wants to do: the value that goes through `auth.authorize`.
///
/// A handler there may deny it, or change the principal: give it the scopes of its roles, for one. Whether the scopes of the
/// route are among those of the principal is looked at afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Access {
    /// Who it is.
    pub principal: Principal,
    /// The method of the request.
    pub method: String,
    /// The path of the request.
    pub path: String,
    /// The path of the route as it was declared, if one has matched: `/orders/{id}`.
    pub route: Option<String>,
    /// The instance that the route belongs to.
    pub plugin: Option<String>,
    /// The address that the request came from.
    pub client: IpAddr,
    /// What the route asks for. To change it changes nothing.
    pub scopes: Vec<String>,
    /// What the caller has to be: one of these, if there are any. To change it changes nothing.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl Access {
    pub(crate) fn new(question: &AuthQuestion, principal: Principal, wanted: &Wanted) -> Self {
        Self {
            principal,
            method: question.method.clone(),
            path: question.path.clone(),
            route: question.route.clone(),
            plugin: question.plugin.clone(),
            client: question.client,
            scopes: wanted.scopes.clone(),
            roles: wanted.roles.clone(),
        }
    }
}

/// What a route asks of its callers; none at all is "to be known".
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) scopes: Vec<String>,
    pub(crate) roles: Vec<String>,
}

/// The scopes that a route asks for.
#[derive(Clone, Debug)]
pub(crate) struct Scopes(pub(crate) Vec<String>);

/// Attached to a route: what its callers have to be, one of these. `#[get("/audit", with = Roles::any(["auditor"]))]`, or
/// [`PlacedRoute::roles`](crate::PlacedRoute::roles).
///
/// The route may ask for scopes as well; then a caller needs those, and one of the roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(pub(crate) Vec<String>);

impl Roles {
    /// One of these is enough.
    pub fn any<T: Into<String>>(roles: impl IntoIterator<Item = T>) -> Self {
        Self(roles.into_iter().map(Into::into).collect())
    }
}

/// Attached to a route: it is for everybody, also where a plugin shuts all routes that do not say who may call them
/// ([`Plugin::SHUTS_ROUTES`](crate::Plugin::SHUTS_ROUTES)). `#[get("/products", with = Public)]`, or
/// [`PlacedRoute::public`](crate::PlacedRoute::public).
///
/// On a route with scopes or roles it changes nothing.
///
/// A hook, an around or a layer that answers in place of a handler attaches it to an answer which says nothing that callers would
/// have to be known for. Otherwise no success is sent to a caller that the route refuses, whoever has answered.
///
/// ```
/// use chassis::{axum::http::header::ORIGIN, prelude::*};
///
/// /// Answers preflights: they never have credentials.
/// #[plugin]
/// async fn preflights(cx: &mut PluginContext) -> Result<()> {
///     cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
///         if exchange.method() != Method::OPTIONS || !exchange.headers().contains_key(ORIGIN) {
///             return Flow::Continue;
///         }
///         let mut answer = StatusCode::NO_CONTENT.into_response();
///         answer.extensions_mut().insert(Public);
///         Flow::Answer(answer)
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public;
