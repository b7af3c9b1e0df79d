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
}

impl Access {
    pub(crate) fn new(question: &AuthQuestion, principal: Principal, scopes: &[String]) -> Self {
        Self {
            principal,
            method: question.method.clone(),
            path: question.path.clone(),
            route: question.route.clone(),
            plugin: question.plugin.clone(),
            client: question.client,
            scopes: scopes.to_vec(),
        }
    }
}

/// What a route asks of its callers; none at all is "to be known".
#[derive(Clone, Debug)]
pub(crate) struct Scopes(pub(crate) Vec<String>);
